package cli

import "testing"

func TestInSpanish(t *testing.T) {
	for said, want := range map[string]string{
		"the limit -5 leaves room for 7": "el límite -5 deja sitio para 7",
		"port 7070 (tcp) of the front web is busy: process python3 (pid 17) holds it; end that, or choose another address with --web": "" +
			"el puerto 7070 (tcp) del servicio web está ocupado: lo tiene el proceso python3 (pid 17); termínelo, o arranque el servidor con otra dirección en --web",
		"port 7070 (udp) of the front udp is busy: another process holds it; end that, or choose another address with --udp": "" +
			"el puerto 7070 (udp) del servicio udp está ocupado: lo tiene otro proceso; termínelo, o arranque el servidor con otra dirección en --udp",
		`no front is named "wep"; there are: web, rpc`: `ningún servicio se llama "wep"; los hay: web, rpc`,
		"the limit -5 leaves room for":                 "",
		"it said: the limit 1 leaves room for 2":       "",
		"":                                             "",
	} {
		if got, known := inSpanish(said); got != want || known != (want != "") {
			t.Errorf("%q: %q, %v", said, got, known)
		}
	}
}
