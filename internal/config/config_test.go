package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// parse gives a command line its environment and, if dotenv is not empty, a .env file.
func parse(t *testing.T, dotenv string, environ []string, args ...string) (Values, []string, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if dotenv != "" {
		if err := os.WriteFile(".env", []byte(dotenv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env, err := Load(environ, ".env")
	if err != nil {
		t.Fatal(err)
	}
	return Parse(args, env)
}

func serve(t *testing.T, dotenv string, environ []string, args ...string) (Serve, error) {
	t.Helper()
	v, _, err := parse(t, dotenv, environ, args...)
	if err != nil {
		t.Fatal(err)
	}
	return v.Serve()
}

func TestDefaults(t *testing.T) {
	got, err := serve(t, "", nil)
	want := Serve{
		Data: "cuenta-data", UDP: "127.0.0.1:2002", TCP: "127.0.0.1:2020", Proc: "127.0.0.1:2002",
		Web: "127.0.0.1:1234", RPC: "127.0.0.1:8080", RESP: "127.0.0.1:6380",
		Socket: filepath.Join("cuenta-data", "cuenta.sock"), SHM: sharing(filepath.Join("cuenta-data", "shm.sock")),
		Identities: Identities{IdentityMemory: 1 << 30, KeyRetention: 24 * time.Hour, SessionIdle: 7 * 24 * time.Hour},
		LogLevel:   slog.LevelInfo, Lang: lang.English,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// sharing is the path where there is memory to share.
func sharing(path string) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	return path
}

func TestSharedMemory(t *testing.T) {
	for _, x := range []struct {
		args []string
		want string
	}{
		{[]string{"--shm", "off"}, ""},
		{[]string{"--shm", "./off"}, "./off"},
		{[]string{"--shm", "x/y.sock", "--data", "d"}, "x/y.sock"},
		{[]string{"--data", "d"}, sharing(filepath.Join("d", "shm.sock"))},
	} {
		if got, err := serve(t, "", nil, x.args...); err != nil || got.SHM != x.want {
			t.Errorf("%q: %q, %v, want %q", x.args, got.SHM, err, x.want)
		}
	}
}

func TestOrderOfStrength(t *testing.T) {
	const dotenv = "CUENTA_DATA=from-file\nCUENTA_TCP=3\n"
	environ := []string{"CUENTA_DATA=from-environment", "CUENTA_UDP="}
	got, err := serve(t, dotenv, environ, "--data", "from-flag")
	if err != nil || got.Data != "from-flag" || got.TCP != "127.0.0.1:3" {
		t.Errorf("flag: %+v, %v", got, err)
	}
	got, err = serve(t, dotenv, environ)
	if err != nil || got.Data != "from-environment" {
		t.Errorf("environment: %+v, %v", got, err)
	}
	if got.UDP != "127.0.0.1:2002" {
		t.Errorf("a variable set to nothing gave %q", got.UDP)
	}
	got, err = serve(t, dotenv, nil)
	if err != nil || got.Data != "from-file" || got.Socket != filepath.Join("from-file", "cuenta.sock") {
		t.Errorf("file: %+v, %v", got, err)
	}
}

func TestEverySettingFromTheEnvironment(t *testing.T) {
	got, err := serve(t, "", []string{
		"CUENTA_DATA=d", "CUENTA_UDP=off", "CUENTA_TCP=:1", "CUENTA_PROC=2", "CUENTA_WEB=[::1]:3",
		"CUENTA_RPC=example.org:0", "CUENTA_RESP=4", "CUENTA_SOCKET=s", "CUENTA_SHM=m", "CUENTA_WORKERS=2", "CUENTA_LOG_LEVEL=debug",
		"CUENTA_ID_MEMORY=64MiB", "CUENTA_KEY_AGE=1h", "CUENTA_SESSION_AGE=1d",
		"CUENTA_ADDRESSES=a.json", "CUENTA_LANG=es", "CUENTA_WORKER=reserved", "CUENTA_UNHEARD_OF=x",
	})
	want := Serve{
		Data: "d", TCP: ":1", Proc: "127.0.0.1:2", Web: "[::1]:3", RPC: "example.org:0", RESP: "127.0.0.1:4", Socket: "s", SHM: "m",
		Identities: Identities{IdentityMemory: 64 << 20, KeyRetention: time.Hour, SessionIdle: 24 * time.Hour},
		Workers:    2, LogLevel: slog.LevelDebug, Addresses: "a.json", Lang: lang.Spanish,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestBadValuesNameTheirSource(t *testing.T) {
	tests := []struct {
		name, dotenv string
		environ      []string
		args         []string
		want         string
	}{
		{"flag", "", nil, []string{"--udp", "localhost"}, `--udp: "localhost": want HOST:PORT, PORT or off`},
		{"port too high", "", nil, []string{"-web=65536"}, `--web: "65536"`},
		{"port by name", "", nil, []string{"--tcp", "host:http"}, `--tcp: "host:http"`},
		{"port with a sign", "", nil, []string{"--tcp", "+1"}, `--tcp: "+1"`},
		{"bare IPv6", "", nil, []string{"--tcp", "::1"}, `--tcp: "::1"`},
		{"empty flag", "", nil, []string{"--data", ""}, `--data: "": want a path`},
		{"socket too long", "", nil, []string{"--data", strings.Repeat("d", 120)}, "the path of the socket is over "},
		{"shared memory's socket too long", "", nil, []string{"--shm", strings.Repeat("d", 120)}, "the path of the socket is over "},
		{"empty socket", "", nil, []string{"--socket="}, `--socket: "": want a path`},
		{"variable", "", []string{"CUENTA_WORKERS=0"}, nil, `CUENTA_WORKERS: "0": want connection or a number from 1 to 256`},
		{"pool too large", "", []string{"CUENTA_WORKERS=257"}, nil, `CUENTA_WORKERS: "257"`},
		{"level", "", []string{"CUENTA_LOG_LEVEL=loud"}, nil, `CUENTA_LOG_LEVEL: "loud": want debug, info, warn or error`},
		{".env", "# mine\n\nCUENTA_TCP=1\nCUENTA_TCP=x\nOTHER=1\n", nil, nil, `.env:4: CUENTA_TCP: "x"`},
		{".env, after a value of two lines", "KEY=\"a\nb\"\nexport CUENTA_RPC='no' # here\n", nil, nil, `.env:3: CUENTA_RPC: "no"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := serve(t, tt.dotenv, tt.environ, tt.args...)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestMalformedDotenv(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no equals sign, last", "A=1\nnonsense", "x.env:2:"},
		{"no equals sign, in between", "A=1\nnonsense\nB=2\n", "x.env:2:"},
		{"bad name", "A=1\n\n# c\nA-B=2\n", "x.env:4:"},
		{"quote never closed", "A=1\nB=\"two\nC=3\n", "x.env:2:"},
		{"first line", "=1\n?\n", "x.env:1:"},
		{"too long", strings.Repeat("#", maxDotenv+1), "cannot read x.env: it is over 65536 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("x.env", []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			env, err := Load([]string{"LANG=es_ES"}, "x.env")
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s…", err, tt.want)
			}
			if env.Getenv("LANG") != "es_ES" {
				t.Error("the environment is not usable with the error")
			}
		})
	}
}

func TestDotenvIsADirectory(t *testing.T) {
	_, err := Load(nil, t.TempDir())
	if err == nil || !strings.HasPrefix(err.Error(), "cannot read ") {
		t.Errorf("got %v", err)
	}
}

func TestDotenvWithByteOrderMark(t *testing.T) {
	got, err := serve(t, "\ufeffCUENTA_DATA=año # comment\r\n", nil)
	if err != nil || got.Data != "año" {
		t.Errorf("got %q, %v", got.Data, err)
	}
}

func TestFlagsAndOperandsInAnyOrder(t *testing.T) {
	v, operands, err := parse(t, "", nil, "inc", "--data", "d", "4", "-socket=s=1", "-", "-h", "--", "--json")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(operands, " "); got != "inc 4 - --json" {
		t.Errorf("operands %q", got)
	}
	if got := strings.Join(v.Flags(), " "); got != "data socket help" {
		t.Errorf("flags %q", got)
	}
	if v.flags["socket"] != "s=1" || !v.On("help") || v.On("json") {
		t.Errorf("values %v", v.flags)
	}
}

func TestBadFlags(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"-4"}, "unknown flag -4"},
		{[]string{"--nope=1"}, "unknown flag --nope=1"},
		{[]string{"---data", "d"}, "unknown flag ---data"},
		{[]string{"--data"}, "--data lacks its value DIR"},
		{[]string{"--json=true"}, "--json takes no value"},
		{[]string{"--bad", "--worse"}, "unknown flag --bad"},
	}
	for _, tt := range tests {
		if _, _, err := parse(t, "", nil, tt.args...); err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, want %s", tt.args, err, tt.want)
		}
	}
}

func TestLanguageIsKnownDespiteAnError(t *testing.T) {
	v, _, err := parse(t, "", []string{"LANG=C"}, "--nope", "--lang", "es")
	l, langErr := v.Lang()
	if err == nil || langErr != nil || l != lang.Spanish {
		t.Errorf("%v, %v, %v", l, langErr, err)
	}
	v, _, err = parse(t, "", []string{"LANG=es_ES", "CUENTA_LANG=fr"})
	l, langErr = v.Lang()
	if err != nil || l != lang.Spanish || langErr == nil || langErr.Error() != `CUENTA_LANG: "fr": want es or en` {
		t.Errorf("%v, %v, %v", l, langErr, err)
	}
}

func TestClient(t *testing.T) {
	v, _, err := parse(t, "", []string{"CUENTA_DATA=d"}, "--remote", "8080", "--json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Client()
	want := Client{Socket: filepath.Join("d", "cuenta.sock"), Remote: "127.0.0.1:8080", JSON: true}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	v, _, _ = parse(t, "", nil, "--remote", "nowhere")
	if _, err := v.Client(); err == nil || err.Error() != `--remote: "nowhere": want HOST:PORT or PORT` {
		t.Errorf("got %v", err)
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for i := range Settings {
		s := &Settings[i]
		if s.Help.ES == "" || s.Help.EN == "" || (s.Arg.ES == "") != (s.Arg.EN == "") {
			t.Errorf("--%s lacks a text", s.Flag)
		}
		for command, own := range s.Own {
			if of := s.Of(command); of.Help != own.Help || own.Help.ES == "" || own.Help.EN == "" || of.Switch() != s.Switch() {
				t.Errorf("--%s of %s lacks a text", s.Flag, command)
			}
		}
		if of := s.Of("none"); of.Help != s.Help || of.Arg != s.Arg {
			t.Errorf("--%s is something else to nobody", s.Flag)
		}
		for _, name := range []string{s.Flag, s.Short, s.Var} {
			if name != "" && seen[name] {
				t.Errorf("%s stands twice", name)
			}
			seen[name] = true
		}
		want := "CUENTA_" + strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_"))
		if s.Var != "" && s.Var != want {
			t.Errorf("--%s has the variable %s, not %s", s.Flag, s.Var, want)
		}
	}
}
