package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What Kea 2.2.0 prints and we print otherwise, on purpose.
var printedOtherwise = map[string]string{
	"ddns-use-conflict-resolution": "today's spelling is ddns-conflict-resolution-mode",
	"interfaces-config/re-detect":  "Kea 2.2 shows false if the map is absent, though the default is true",
}

// TestConfigGetShowsWhatKeaShows compares with answers recorded from Kea 2.2.0:
// every key and value there is in ours. Ours has the keys of newer releases too.
func TestConfigGetShowsWhatKeaShows(t *testing.T) {
	for _, recorded := range glob(t, "testdata/config/get/*.kea-2.2") {
		name := strings.TrimSuffix(filepath.Base(recorded), ".kea-2.2")
		t.Run(name, func(t *testing.T) {
			c := load(t, "testdata/config/get/"+name+".json")
			f := c.V4
			if f == nil {
				f = c.V6
			}
			answer, _, err := ParseValue(recorded, content(t, recorded), false)
			if err != nil {
				t.Fatal(err)
			}
			want := answer.Get("arguments").Get(fmt.Sprintf("Dhcp%d", f.Version))
			sortReservations(want)
			got := f.Tree.Clone()
			sortReservations(got)
			for _, diff := range missing(want, got, "") {
				t.Error(diff)
			}
		})
	}
}

// missing lists what want has and got has not.
func missing(want, got *Value, path string) (diffs []string) {
	if _, ok := printedOtherwise[path]; ok {
		return nil
	}
	switch {
	case got == nil:
		return []string{fmt.Sprintf("%s: absent, Kea has %s", path, want.AppendJSON(nil))}
	case want.Kind == Map && got.Kind == Map:
		for _, m := range want.Members {
			diffs = append(diffs, missing(m.Value, got.Get(m.Key), strings.TrimPrefix(path+"/"+m.Key, "/"))...)
		}
		return diffs
	case want.Kind == List && got.Kind == List && len(want.List) == len(got.List):
		for i := range want.List {
			diffs = append(diffs, missing(want.List[i], got.List[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
		return diffs
	}
	if g, w := string(got.AppendJSON(nil)), string(want.AppendJSON(nil)); g != w {
		return []string{fmt.Sprintf("%s: %s, Kea has %s", path, g, w)}
	}
	return nil
}

// sortReservations: Kea prints them in the order of an internal index.
func sortReservations(v *Value) {
	for _, e := range v.List {
		sortReservations(e)
	}
	for _, m := range v.Members {
		if m.Key == "reservations" {
			slices.SortFunc(m.Value.List, func(a, b *Value) int { return strings.Compare(hostText(a), hostText(b)) })
		}
		sortReservations(m.Value)
	}
}

// TestTreeIsConfigurationAgain: what config-get prints is accepted by config-set
// and means the same.
func TestTreeIsConfigurationAgain(t *testing.T) {
	files := append(glob(t, "testdata/config/get/*.json"), glob(t, "testdata/config/kea/*/*.json")...)
	for _, file := range append(files, glob(t, "testdata/config/ha/*/*.json")...) {
		c, err := LoadWith(Options{ReadFile: fakeSecrets}, file)
		if err != nil {
			continue // TestKeaExamples says which and why
		}
		for _, f := range []*Family{c.V4, c.V6} {
			if f == nil {
				continue
			}
			t.Run(file, func(t *testing.T) {
				text := string(f.Tree.AppendJSON(nil))
				v, _, err := ParseValue("tree", []byte(text), false)
				if err != nil {
					t.Fatal(err)
				}
				again, _, err := ParseFamilyWith(Options{ReadFile: fakeSecrets}, f.Version, v)
				if err != nil {
					t.Fatal(err)
				}
				if second := string(again.Tree.AppendJSON(nil)); second != text {
					t.Errorf("tree changed\nfirst  %s\nsecond %s", text, second)
				}
				if again.Hash != f.Hash || len(f.Hash) != 64 {
					t.Errorf("hash %s, then %s", f.Hash, again.Hash)
				}
				if a, b := fmt.Sprintf("%+v", f.Params), fmt.Sprintf("%+v", again.Params); !sameParams(a, b) {
					t.Errorf("global parameters changed\n%s\n%s", a, b)
				}
				for i := range f.Subnets {
					a, b := f.Subnets[i], again.Subnets[i]
					if x, y := fmt.Sprintf("%+v", a.Params), fmt.Sprintf("%+v", b.Params); !sameParams(x, y) {
						t.Errorf("parameters of %s changed\n%s\n%s", a.Text, x, y)
					}
				}
			})
		}
	}
}

// sameParams leaves addresses of compiled character sets aside.
func sameParams(a, b string) bool {
	cut := func(s string) string { before, _, _ := strings.Cut(s, "CharSet:"); return before }
	return cut(a) == cut(b)
}

func hostText(v *Value) string {
	return fmt.Sprint(v.text("hostname"), v.text("ip-address"), v.text("hw-address"), v.text("duid"), v.text("client-id"), v.text("circuit-id"), v.text("flex-id"))
}

func TestTreeOfAnEmptyFamily(t *testing.T) {
	for _, version := range []int{4, 6} {
		f, _, err := ParseFamily(version, NewMap())
		if err != nil {
			t.Fatal(err)
		}
		if f.Params.Valid.Default != 7200 || f.Tree.number("valid-lifetime", 0) != 7200 {
			t.Errorf("Dhcp%d: valid lifetime %d, tree %s", version, f.Params.Valid.Default, f.Tree.AppendJSON(nil))
		}
	}
}

// fakeSecrets stands for the credential files that the examples name.
func fakeSecrets(name string) ([]byte, error) {
	if strings.HasSuffix(name, ".user") || strings.HasSuffix(name, "hiddenu") {
		return []byte("user\n"), nil
	}
	return []byte("user:secret\n"), nil
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func load(t *testing.T, file string) *Config {
	t.Helper()
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func content(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
