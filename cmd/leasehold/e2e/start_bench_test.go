package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// BenchmarkStart is what a server needs to come up with a million leases, or so
// many as LEASES says, beside Kea with the same file: seconds until it says that
// it has started, and bytes of resident memory for each lease.
func BenchmarkStart(b *testing.B) {
	leases := 1_000_000
	if v := os.Getenv("LEASES"); v != "" {
		leases = testnet.Must1(strconv.Atoi(v))(b)
	}
	for _, version := range []int{4, 6} {
		for _, name := range []string{"leasehold", "kea"} {
			b.Run(fmt.Sprintf("v%d/%s", version, name), func(b *testing.B) {
				dir := b.TempDir()
				command := func() *exec.Cmd {
					return keaCommand("kea-dhcp"+strconv.Itoa(version), filepath.Join(dir, "config.json"), dir)
				}
				if name == "leasehold" {
					bin := programFor(b)
					command = func() *exec.Cmd {
						cmd := exec.Command(bin, "serve", "-c", filepath.Join(dir, "config.json"))
						cmd.Env = append(os.Environ(), "KEA_DHCP_DATA_DIR="+dir)
						return cmd
					}
				} else if _, err := exec.LookPath("kea-dhcp" + strconv.Itoa(version)); err != nil {
					b.Skip(err)
				}
				writeStartConfig(b, dir, version)
				writeStartLeases(b, dir, version, 0)
				_, empty := started(b, command(), version)
				writeStartLeases(b, dir, version, leases)
				for b.Loop() {
					took, resident := started(b, command(), version)
					b.ReportMetric(took.Seconds(), "s/start")
					b.ReportMetric(float64(resident-empty)/float64(leases), "B/lease")
					b.ReportMetric(float64(resident)/(1<<20), "MiB")
				}
			})
		}
	}
}

// programFor is program for a benchmark.
func programFor(b *testing.B) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "leasehold")
	if out, err := exec.Command("go", "build", "-o", bin, "leasehold/cmd/leasehold").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func writeStartConfig(b *testing.B, dir string, version int) {
	b.Helper()
	subnet := map[int]string{4: "10.0.0.0/8", 6: "2001:db8::/64"}[version]
	testnet.Must(b, os.WriteFile(filepath.Join(dir, "config.json"), fmt.Appendf(nil, `{ "Dhcp%d": {
	"interfaces-config": { "interfaces": [] },
	"lease-database": { "type": "memfile", "name": %q, "lfc-interval": 0 },
	"subnet%[1]d": [ { "id": 1, "subnet": %[3]q, "pools": [ { "pool": %[3]q } ] } ] } }`,
		version, filepath.Join(dir, "leases.csv"), subnet), 0o600))
}

// writeStartLeases writes a lease file as Kea 2.2 writes it.
func writeStartLeases(b *testing.B, dir string, version, leases int) {
	b.Helper()
	f := testnet.Must1(os.Create(filepath.Join(dir, "leases.csv")))(b)
	defer f.Close()
	for _, suffix := range []string{".1", ".2", ".completed", ".output"} {
		os.Remove(f.Name() + suffix)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	expire := time.Now().Unix() + 3600
	if version == 4 {
		w.WriteString("address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n")
	} else {
		w.WriteString("address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n")
	}
	for i := range leases {
		mac := fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", byte(i>>24), byte(i>>16), byte(i>>8), byte(i))
		if version == 4 {
			fmt.Fprintf(w, "10.%d.%d.%d,%s,01:%[4]s,4000,%d,1,0,0,host-%d.example.org,0,\n", byte(i>>16), byte(i>>8), byte(i), mac, expire, i)
		} else {
			fmt.Fprintf(w, "2001:db8::%x:%x,00:03:00:01:%s,4000,%d,1,3000,0,%d,128,0,0,host-%[5]d.example.org,%[3]s,0,,1,2\n", i>>16, i&0xffff, mac, expire, i)
		}
	}
	testnet.Must(b, w.Flush())
}

// started runs a server until it has started and returns how long that took and
// the bytes of memory it has then.
func started(b *testing.B, cmd *exec.Cmd, version int) (took time.Duration, resident int64) {
	b.Helper()
	out := testnet.Must1(cmd.StdoutPipe())(b)
	cmd.Stderr = cmd.Stdout
	began := time.Now()
	testnet.Must(b, cmd.Start())
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	s := bufio.NewScanner(out)
	for s.Scan() {
		if strings.Contains(s.Text(), fmt.Sprintf("DHCP%d_STARTED", version)) {
			took = time.Since(began)
			text := testnet.Must1(os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)))(b)
			_, rest, _ := strings.Cut(string(text), "VmRSS:")
			kib := testnet.Must1(strconv.ParseInt(strings.Fields(rest)[0], 10, 64))(b)
			return took, kib << 10
		}
	}
	b.Fatalf("%s ended", cmd.Path)
	return 0, 0
}
