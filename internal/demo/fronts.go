package demo

import (
	"context"
	"fmt"
	"runtime"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/badnet"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// frontAPI is the API, which shares the port of the front web.
const frontAPI = "api"

// front is one way in as it is demonstrated.
type front struct {
	name string
	on   string // the front in the addresses file
	open func(address string) way
}

// fronts are all but shm, which no proxy can stand before.
var fronts = []front{
	{cuenta.FrontUDP, cuenta.FrontUDP, newDatagrams},
	{cuenta.FrontTCP, cuenta.FrontTCP, newLines},
	{cuenta.FrontProc, cuenta.FrontProc, newLines},
	{cuenta.FrontWeb, cuenta.FrontWeb, newCambiar},
	{frontAPI, cuenta.FrontWeb, newREST},
	{cuenta.FrontRPC, cuenta.FrontRPC, newCalls},
	{cuenta.FrontRESP, cuenta.FrontRESP, func(address string) way { return newRESP("tcp", address) }},
}

var (
	needsLinux = lang.Text{ES: "necesita Linux", EN: "it needs Linux"}
	notServed  = lang.Text{ES: "este servidor no lo ofrece", EN: "this server does not offer it"}
	noRedis    = lang.Text{ES: "no está instalado", EN: "it is not installed"}
)

func (r *run) leaveOut(part string, why lang.Text) {
	r.report.LeftOut = append(r.report.LeftOut, Omission{part, why.In(r.config.Lang)})
}

// open sets up a front: its proxy, and clients with identities and without.
func (r *run) open(ctx context.Context, f front) error {
	address, served := r.server.addresses[f.on]
	if f.name == frontAPI {
		served = served && servesAPI(ctx, address)
	}
	switch {
	case !served && f.name == cuenta.FrontProc && runtime.GOOS != "linux":
		r.leaveOut(f.name, needsLinux)
		return nil
	case !served:
		r.leaveOut(f.name, notServed)
		return nil
	}
	network := "tcp"
	if f.name == cuenta.FrontUDP {
		network = "udp"
	}
	proxy, err := r.stand(f.name, network, address)
	if err != nil {
		return err
	}
	r.addGroups(f.name, func(string) way { return f.open(proxy) })
	return nil
}

// openRings sets up the front shm. Its clients are at fault themselves.
func (r *run) openRings() {
	switch path, served := r.server.addresses[cuenta.FrontSHM]; {
	case served:
		r.addGroups(cuenta.FrontSHM, func(client string) way {
			return newRings(path, badnet.Dice(r.config.Seed, client+" gives up"))
		})
	case runtime.GOOS != "linux":
		r.leaveOut(cuenta.FrontSHM, needsLinux)
	default:
		r.leaveOut(cuenta.FrontSHM, notServed)
	}
}

// addGroups sets up clients with identities and without.
func (r *run) addGroups(front string, open func(client string) way) {
	r.once = append(r.once, r.newGroup(front, true, open))
	r.bare = append(r.bare, r.newGroup(front, false, open))
}

// stand puts a proxy before a server, and returns its address.
func (r *run) stand(name, network, server string) (address string, err error) {
	var p badnet.Proxy
	if network == "udp" {
		p, err = r.network.UDP(name)
	} else {
		p, err = r.network.TCP(name)
	}
	if err != nil {
		return "", err
	}
	p.Open(network, server)
	r.proxies = append(r.proxies, p)
	return p.Address(), nil
}

// openRedis starts a Redis, if there is one, and sets up its proxy and clients.
func (r *run) openRedis(ctx context.Context) error {
	if r.config.Redis == "" {
		r.leaveOut("redis", noRedis)
		return nil
	}
	r.redis = &redis{mother: r.mother, executable: r.config.Redis, dir: r.dir}
	if err := r.redis.start(ctx); err != nil {
		return err
	}
	proxy, err := r.stand("redis", "unix", r.redis.socket())
	if err != nil {
		return err
	}
	r.redisBare = r.newGroup("redis", false, func(string) way { return newRESP("tcp", proxy) })
	return nil
}

// newGroup makes the clients of a front, each with a name of its own.
func (r *run) newGroup(front string, once bool, open func(client string) way) *group {
	kind := "bare"
	if once {
		kind = "once"
	}
	g := &group{front: front}
	for i := range clientsPerGroup {
		name := fmt.Sprint(front, " ", kind, " client ", i)
		g.clients = append(g.clients, &client{
			way:     open(name),
			counter: fmt.Sprintf("%s.%s.%d", front, kind, i%countersPerGroup),
			once:    once,
			dice:    badnet.Dice(r.config.Seed, name),
		})
	}
	return g
}
