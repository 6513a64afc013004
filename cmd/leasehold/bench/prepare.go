package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cutPrefix takes the length from an address with a prefix length.
func cutPrefix(s string) (addr, length string, ok bool) { return strings.Cut(s, "/") }

// hotStandby returns the hooks-libraries of a pair: number 1 is the primary.
func hotStandby(c contender, number int) string {
	return fmt.Sprintf(`
    { "library": "%s/libdhcp_lease_cmds.so" },
    { "library": "%[1]s/libdhcp_ha.so", "parameters": { "high-availability": [ {
      "this-server-name": "server%[2]d", "mode": "hot-standby",
      "heartbeat-delay": 1000, "max-response-delay": 10000, "max-ack-delay": 10000, "max-unacked-clients": 10,
      "multi-threading": { "enable-multi-threading": true, "http-dedicated-listener": true,
        "http-listener-threads": 2, "http-client-threads": 2 },
      "peers": [
        { "name": "server1", "url": "http://10.0.0.1:8000/", "role": "primary" },
        { "name": "server2", "url": "http://10.0.0.2:8000/", "role": "standby" } ] } ] } }`, c.hooks, number)
}

// together returns when a node of a pair is in the normal state.
func together(ctx context.Context, n *node) error {
	const ask = `{"command": "status-get", "service": ["dhcp4"]}`
	client := &http.Client{Timeout: 5 * time.Second}
	state := ""
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+n.addr.String()+":8000/", strings.NewReader(ask))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			continue
		}
		var answer json.RawMessage
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		if err != nil {
			continue
		}
		if state = haState(answer); state == "hot-standby" {
			return nil
		}
	}
	return errors.Join(ctx.Err(), fmt.Errorf("%s does not become half of a pair: its state is %q", n.name, state))
}

// haState reads an answer to status-get: a map, or a list of one.
func haState(answer []byte) string {
	answer = bytes.Trim(answer, "[] \n")
	var a struct {
		Arguments struct {
			HighAvailability []struct {
				Servers struct {
					Local struct {
						State string `json:"state"`
					} `json:"local"`
				} `json:"ha-servers"`
			} `json:"high-availability"`
		} `json:"arguments"`
	}
	if json.Unmarshal(answer, &a) != nil || len(a.Arguments.HighAvailability) == 0 {
		return ""
	}
	return a.Arguments.HighAvailability[0].Servers.Local.State
}

// writeLeases makes a lease file of n leases.
func writeLeases(dir string, v6 bool, n int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "leases"))
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	expire := time.Now().Unix() + 86400
	if v6 {
		fmt.Fprintln(w, "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source")
	} else {
		fmt.Fprintln(w, "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context")
	}
	for i := range n {
		mac := fmt.Sprintf("06:00:%02x:%02x:%02x:%02x", i>>24, i>>16&255, i>>8&255, i&255)
		if v6 {
			fmt.Fprintf(w, "2001:db8:1:1::%x:%x,00:03:00:01:%s,86400,%d,1,64800,0,1,128,0,0,,%[3]s,0,,1,2\n", i>>16, i&0xffff, mac, expire)
		} else {
			fmt.Fprintf(w, "10.%d.%d.%d,%s,,86400,%d,1,0,0,,0,\n", 64+i>>16, i>>8&255, i&255, mac, expire)
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// residentMB returns how much memory a process has, in MB.
func residentMB(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0, fmt.Errorf("read memory of process %d: %w", pid, err)
	}
	return float64(resident*os.Getpagesize()) / 1e6, nil
}
