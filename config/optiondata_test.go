package config

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// encoded reads a scope with one definition and one option of it, and returns
// the octets or "refused".
func encoded(t *testing.T, version int, def, data string) string {
	t.Helper()
	var ps Problems
	defs := parseOptionDefs(valueOf(t, "["+def+"]"), "d", version, standardDefs(version), false, &ps)
	set := parseOptionData(valueOf(t, "["+data+"]"), "o", levelGlobal, version, defs, nil, &ps)
	for _, p := range ps {
		if !p.Warning {
			return "refused"
		}
	}
	all := append(append([]Option{}, set.All()...), set.VendorAll()...)
	if len(all) != 1 {
		t.Fatalf("%d options of %s", len(all), data)
	}
	return hex.EncodeToString(all[0].Data)
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// The rows were tried on kea-dhcp4 2.2.0, those with octets on the wire.
func TestCommaSeparatedText(t *testing.T) {
	const refused = "refused"
	for _, row := range []struct{ typ, text, want string }{
		{"uint8", "7", "07"}, {"uint8", " 7 ", "07"}, {"uint8", "0x1", "01"}, {"uint8", "ff", "ff"}, {"uint8", "+5", "05"}, {"uint8", "-0", "00"}, {"uint8", "010", "0a"},
		{"uint8", "0x", refused}, {"uint8", "0x1g", refused}, {"uint8", "1 2", refused}, {"uint8", "1e3", refused}, {"uint8", "256", refused}, {"uint8", "-1", refused}, {"uint8", "", refused},
		{"uint8", "99999999999999999999", refused}, {"uint8", "1,2", "01"},
		{"uint16", "abcd", "abcd"}, {"uint16", "65536", refused}, {"uint32", "abcd", "0000abcd"}, {"uint32", "4294967295", "ffffffff"}, {"uint32", "4294967296", refused},
		{"int8", "-1", "ff"}, {"int8", "128", refused}, {"int8", "-129", refused}, {"int16", "-2", "fffe"}, {"int32", "-25200", "ffff9d90"}, {"int32", "2147483648", refused},
		{"boolean", "true", "01"}, {"boolean", "FALSE", "00"}, {"boolean", "1", "01"}, {"boolean", "00", "00"}, {"boolean", "01", "01"}, {"boolean", "2", refused}, {"boolean", "yes", refused}, {"boolean", "0x1", refused}, {"boolean", "", refused},
		{"fqdn", "Ab.C.", "024162014300"}, {"fqdn", "Ab.C", "024162014300"}, {"fqdn", `\065.b`, "0141016200"}, {"fqdn", "*.a", "012a016100"}, {"fqdn", "a_b", "03615f6200"}, {"fqdn", "-", "012d00"},
		{"fqdn", ".", refused}, {"fqdn", "@", refused}, {"fqdn", `a\.b`, refused}, {"fqdn", "a b.c", refused}, {"fqdn", "a..b", refused}, {"fqdn", ".a", refused}, {"fqdn", "", refused},
		{"fqdn", strings.Repeat("a", 63), "3f" + strings.Repeat("61", 63) + "00"}, {"fqdn", strings.Repeat("a", 64), refused}, {"fqdn", strings.Repeat("abcdefg.", 32), refused},
		{"ipv4-address", "192.0.2.1", "c0000201"}, {"ipv4-address", "192.0.2.1, 192.0.2.2", "c0000201"}, {"ipv4-address", "1.2.3", refused}, {"ipv4-address", "01.2.3.4", refused}, {"ipv4-address", "::1", "00000000"}, {"ipv4-address", "", refused},
		{"ipv6-address", "2001:db8::1", "20010db8000000000000000000000001"}, {"ipv6-address", "1.2.3.4", refused},
		{"ipv6-prefix", "2001:db8:ffff::1/33", "2120010db880"}, {"ipv6-prefix", "::/0", "00"}, {"ipv6-prefix", "2001:db8:: / 32", "2020010db8"}, {"ipv6-prefix", "2001:db8::", refused}, {"ipv6-prefix", "1.2.3.0/24", refused}, {"ipv6-prefix", "::/129", refused},
		{"psid", "3/4", "043000"}, {"psid", "0x3/4", "043000"}, {"psid", "0/0", "000000"}, {"psid", "1/0", "000000"}, {"psid", "65535/16", "10ffff"}, {"psid", "16/4", refused}, {"psid", "3/17", refused}, {"psid", "3", refused},
		{"binary", "1 2", "12"}, {"binary", "12 34", "1234"}, {"binary", "0x12", refused}, {"binary", "123", refused}, {"binary", "12:34", refused}, {"binary", "", refused},
		{"string", "text", "74657874"}, {"string", "'q'", "277127"}, {"string", "a, b", "61"}, {"string", `x\,y,z`, "782c79"}, {"string", `a\\b\,c\d`, "615c622c635c64"}, {"string", "", refused}, {"string", " ", refused}, {"string", ",", refused},
		{"tuple", "xyz", "0378797a"}, {"tuple", strings.Repeat("a", 255), "ff" + strings.Repeat("61", 255)}, {"tuple", strings.Repeat("a", 256), refused}, {"tuple", "", refused},
		{"empty", "", ""}, {"empty", "abc", refused},
		{"uint16[]", "1,2", "00010002"}, {"uint16[]", "1,,2,", "00010002"}, {"uint16[]", "", ""}, {"boolean[]", "true,0", "0100"}, {"tuple[]", "x,yy", "0178027979"}, {"psid[]", "3/4,1/2", "043000024000"},
		{"fqdn[]", "a.b,c.d", "01610162000163016400"}, {"fqdn[]", "", refused}, {"ipv4-address[]", "::1", "00000000000000000000000000000001"}, {"ipv4-address[]", "192.0.2.1,192.0.2.2", "c0000201c0000202"},
		{"ipv6-address[]", "::1, 1.2.3.4", refused}, {"ipv6-address[]", "::, ::1", strings.Repeat("0", 63) + "1"},
		{"uint8, string", "1, a, b", "0161"}, {"uint8, uint16", "1", refused}, {"uint8, uint16", "1,2,3", "010002"}, {"uint8, uint16[]", "1,2,3", "0100020003"}, {"uint8, fqdn", "1, a.b", "010161016200"},
		{"uint8, ipv4-address", "1, ::1", refused}, {"uint8, binary", "1, 0A 0B", "010a0b"},
	} {
		def := `"type":` + quote(row.typ)
		if base, ok := strings.CutSuffix(row.typ, "[]"); ok {
			def = `"array":true,"type":` + quote(base)
			row.typ = base
		}
		if strings.Contains(row.typ, ",") {
			def = strings.Replace(def, quote(row.typ), `"record","record-types":`+quote(row.typ), 1)
		}
		if got := encoded(t, 4, `{"name":"x","code":230,`+def+`}`, `{"name":"x","data":`+quote(row.text)+`}`); got != row.want {
			t.Errorf("%s %q: %s, want %s", row.typ, row.text, got, row.want)
		}
	}
}

// csv-format false without and with a definition, as kea-dhcp4 2.2.0 has it.
func TestHexadecimalText(t *testing.T) {
	const refused = "refused"
	for _, row := range []struct {
		code       int
		text, want string
	}{
		{231, "1:2", "0102"}, {231, "1 2", "0102"}, {231, "12 34 5", "123405"}, {231, "abc", "0abc"}, {231, "0xabc", "0abc"}, {231, "'text'", "74657874"}, {231, "' a '", "206120"}, {231, "", ""},
		{231, "0x", refused}, {231, "1  2", refused}, {231, "''", refused}, {231, "01:0203", refused}, {231, "0x01:02", refused}, {231, "1:2 3", refused}, {231, " 0102 ", refused}, {231, "'a", refused}, {231, ":", refused}, {231, "zz", refused}, {231, "01-02", refused},
		{23, "0102", "01"}, {23, "", refused}, {3, "01020304", "01020304"}, {3, "010203", refused}, {3, "0102030405", refused}, {3, "", ""}, {26, "01", refused}, {26, "010203", "0102"},
		{19, "00", "00"}, {19, "0101", "01"}, {15, "", refused}, {15, "00", refused}, {15, "6100", "61"}, {15, "61006200", "610062"},
		{119, "01", refused}, {119, "", refused}, {119, "03616263", refused}, {119, "0361626300", "0361626300"}, {119, "036162630003", refused}, {1, "0102030405", "01020304"},
		{78, "01", refused}, {78, "0101020304", "0101020304"}, {78, "010102", refused}, {97, "", refused}, {97, "01", "01"},
		{124, "0000118b", "0000118b"}, {124, "0000118b020102", "0000118b020102"}, {124, "0000118b05", refused}, {124, "00", refused},
		{125, "0000118b0401020304", "0000118b0401020304"}, {125, "0000118b0401060304", refused}, {125, "00", refused}, {43, "", ""}, {43, "0101", "0101"}, {159, "0102", refused}, {114, "", refused},
	} {
		if got := encoded(t, 4, "", fmt.Sprintf(`{"code":%d,"csv-format":false,"data":%s}`, row.code, quote(row.text))); got != row.want {
			t.Errorf("%d %q: %s, want %s", row.code, row.text, got, row.want)
		}
	}
}

// problems returns the codes of what was found.
func problems(ps Problems) string {
	var codes []string
	for _, p := range ps {
		codes = append(codes, p.Code)
	}
	return strings.Join(codes, " ")
}

func TestOptionDataChecks(t *testing.T) {
	for _, row := range []struct {
		version int
		level   optionLevel
		data    string
		want    string
	}{
		{4, levelGlobal, `{"name":"routers","csv-format":false,"data":"01020304"}`, ""},
		{4, levelGlobal, `{"name":"routers","code":4,"data":"1.2.3.4"}`, "option-name-code"},
		{4, levelGlobal, `{"name":"foo","code":231,"csv-format":false,"data":"01"}`, ""},
		{4, levelGlobal, `{"name":"foo","csv-format":false,"data":"01"}`, "option-unknown"},
		{4, levelGlobal, `{"code":231,"data":"01"}`, "option-unknown"},
		{4, levelOther, `{"code":231,"data":"01"}`, ""},
		{4, levelOther, `{"code":231,"csv-format":true,"data":"01"}`, "option-unknown"},
		{4, levelOther, `{"code":1,"name":"foo","space":"foo","data":"01"}`, ""},
		{4, levelOther, `{"code":231}`, ""},
		{4, levelGlobal, `{"code":0,"csv-format":false,"data":"01"}`, "option-code"},
		{4, levelGlobal, `{"code":255,"csv-format":false,"data":"01"}`, "option-code"},
		{4, levelGlobal, `{"code":256,"csv-format":false,"data":"01"}`, "option-code"},
		{4, levelGlobal, `{"code":0,"space":"foo","csv-format":false,"data":"01"}`, ""},
		{4, levelGlobal, `{"code":255,"space":"foo","csv-format":false,"data":"01"}`, ""},
		{4, levelGlobal, `{"code":256,"space":"foo","csv-format":false,"data":"01"}`, "option-code"},
		{4, levelGlobal, `{"data":"01"}`, "option-unidentified"},
		{4, levelGlobal, `{"name":"a b","data":"01"}`, "option-name"},
		{4, levelGlobal, `{"code":1,"space":"dhcp6","csv-format":false,"data":"01"}`, "option-space-family"},
		{4, levelGlobal, `{"code":1,"space":"a.b","csv-format":false,"data":"01"}`, "option-space-name"},
		{4, levelGlobal, `{"code":1,"space":"_a","csv-format":false,"data":"01"}`, "option-space-name"},
		{4, levelGlobal, `{"code":1,"space":"vendor-abc","csv-format":false,"data":"01"}`, ""},
		{6, levelGlobal, `{"code":0,"csv-format":false,"data":"01"}`, "option-code"},
		{6, levelGlobal, `{"code":65535,"csv-format":false,"data":"01"}`, ""},
		{6, levelGlobal, `{"code":65536,"csv-format":false,"data":"01"}`, "option-code"},
		{6, levelGlobal, `{"code":1,"space":"dhcp4","csv-format":false,"data":"01"}`, "option-space-family"},
		{6, levelGlobal, `{"name":"vendor-class","data":"4491, 0009646f63736973332e30"}`, ""},
		{6, levelGlobal, `{"name":"vendor-class","data":"4491, 000a646f63736973332e30"}`, "option-data"},
		{4, levelGlobal, `{"name":"routers"}`, ""},
		{4, levelGlobal, `{"name":"host-name"}`, "option-data"},
		{4, levelGlobal, `{"name":"host-name","never-send":true}`, ""},
		{4, levelGlobal, `{"name":"vivso-suboptions"}`, "option-data"},
		{4, levelGlobal, `{"name":"vendor-encapsulated-options","data":"01"}`, "option-data"},
		{4, levelGlobal, `{"name":"routers","data":"::1"}`, "option-address-family"},
		{4, levelGlobal, `{"name":"routers","csv-format":false,"data":"xy"}`, "option-data-hex"},
		{4, levelGlobal, `{"name":"classless-static-route","data":"10.0.0.0/8 - 1.2.3.4"}`, ""},
		{4, levelGlobal, `{"name":"classless-static-route","data":"10.0.0.0/33 - 1.2.3.4"}`, "option-data"},
		{4, levelGlobal, `{"name":"classless-static-route","data":"10.0.0.0/8"}`, "option-data"},
		{4, levelGlobal, `{"name":"v4-dnr","data":"1, a.b, 10.0.0.1, ech=abc"}`, "option-data"},
		{4, levelGlobal, `{"name":"v4-dnr","data":"1, a.b, 10.0.0.1, port=1 port=2"}`, "option-data"},
		{6, levelGlobal, `{"name":"v6-dnr","data":"1, a.b, 10.0.0.1"}`, "option-data"},
	} {
		var ps Problems
		parseOptionData(valueOf(t, "["+row.data+"]"), "o", row.level, row.version, standardDefs(row.version), nil, &ps)
		if got := problems(ps); got != row.want {
			t.Errorf("v%d %s: %q, want %q", row.version, row.data, got, row.want)
		}
	}
}

func TestOptionDefChecks(t *testing.T) {
	const name = `"name":"x","code":230,`
	for _, row := range []struct {
		class     bool
		def, want string
	}{
		{false, name + `"type":"uint8"`, ""},
		{false, name + `"type":"record","record-types":"uint8, fqdn, uint8","array":true`, ""},
		{false, name + `"type":"binary","array":true`, "option-def-format"},
		{false, name + `"type":"string","array":true`, "option-def-format"},
		{false, name + `"type":"empty","array":true`, "option-def-format"},
		{false, name + `"type":"record","record-types":"string, uint8"`, "option-def-format"},
		{false, name + `"type":"record","record-types":"binary, uint8"`, "option-def-format"},
		{false, name + `"type":"record","record-types":"uint8, string","array":true`, "option-def-format"},
		{false, name + `"type":"record","record-types":"uint8, uint8","array":true,"encapsulate":"foo"`, "option-def-format"},
		{false, name + `"type":"record","record-types":"uint8, empty"`, "option-def-format"},
		{false, name + `"type":"record","record-types":"uint8, record"`, "option-def-format"},
		{false, name + `"type":"record","record-types":"uint8"`, "option-def-format"},
		{false, name + `"type":"record"`, "option-def-format"},
		{false, name + `"type":"uint8","record-types":"uint8, uint8"`, "option-def-format"},
		{false, name + `"type":"UINT8"`, "option-def-format"},
		{false, name + `"type":"internal"`, "option-def-format"},
		{false, name + `"type":"uint8","encapsulate":"dhcp4"`, "option-def-format"},
		{false, name + `"type":"uint8","encapsulate":"a b"`, "option-space-name"},
		{false, name + `"type":"uint8","space":"a.b"`, "option-space-name"},
		{false, name + `"type":"uint8","space":"dhcp6"`, ""},
		{false, `"name":"a_b","code":230,"type":"uint8"`, ""},
		{false, `"name":"a.b","code":230,"type":"uint8"`, "option-def-name"},
		{false, `"name":"-a","code":230,"type":"uint8"`, "option-def-name"},
		{false, `"name":"","code":230,"type":"uint8"`, "option-def-name"},
		{false, `"name":"x","type":"uint8"`, "option-def-incomplete"},
		{false, `"name":"x","code":0,"type":"uint8"`, "option-code"},
		{false, `"name":"x","code":0,"space":"foo","type":"uint8"`, ""},
		{false, `"name":"x","code":255,"space":"foo","type":"uint8"`, ""},
		{false, `"name":"x","code":6,"type":"uint8"`, "option-def-standard"},
		{false, `"name":"routers","code":230,"type":"uint8"`, "option-def-standard"},
		{false, `"name":"x","code":43,"type":"binary"`, ""},
		{false, `"name":"x","code":84,"type":"binary"`, ""},
		{false, `"name":"x","code":1,"space":"vendor-4491","type":"binary"`, ""},
		{true, `"name":"x","code":43,"type":"binary"`, ""},
		{true, `"name":"x","code":224,"type":"binary"`, ""},
		{true, `"name":"x","code":50,"type":"binary"`, "option-def-in-class"},
		{true, `"name":"x","code":43,"space":"foo","type":"binary"`, "option-def-in-class"},
		{false, `"name":"x","code":230,"type":"uint8"},{"name":"y","code":230,"type":"uint8"`, "option-def-duplicate"},
		{false, `"name":"x","code":230,"type":"uint8"},{"name":"x","code":231,"type":"uint8"`, "option-def-duplicate"},
	} {
		var ps Problems
		parseOptionDefs(valueOf(t, "[{"+row.def+"}]"), "d", 4, standardDefs(4), row.class, &ps)
		if got := problems(ps); got != row.want {
			t.Errorf("%s: %q, want %q", row.def, got, row.want)
		}
	}
}

// scope is an OptionSet in one line: code=octets, further instances behind
// "+", vendor sub-options as enterprise.code.
func scope(t *testing.T, version int, defs, data string) string {
	t.Helper()
	var ps Problems
	f := &Family{}
	d := parseOptionDefs(valueOf(t, "["+defs+"]"), "d", version, standardDefs(version), false, &ps)
	set := parseOptionData(valueOf(t, "["+data+"]"), "o", levelOther, version, d, f, &ps)
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	var out []string
	write := func(prefix string, o Option) {
		s := fmt.Sprintf("%s%d=%x", prefix, o.Code, o.Data)
		for _, more := range o.More {
			s += fmt.Sprintf("+%x", more)
		}
		for _, c := range o.Classes {
			s += "?" + f.ClassName(c)
		}
		out = append(out, s)
	}
	for _, o := range set.All() {
		write("", o)
	}
	for _, o := range set.VendorAll() {
		write(fmt.Sprint(o.Enterprise, "."), o)
	}
	if len(set.Always())+len(set.Never()) > 0 {
		out = append(out, fmt.Sprint("always", set.Always(), " never", set.Never()))
	}
	return strings.Join(out, " ")
}

func TestScopes(t *testing.T) {
	for _, row := range []struct {
		rule             string
		version          int
		defs, data, want string
	}{
		{"the later of two entries is sent", 4, "", `{"code":3,"data":"1.1.1.1"},{"code":3,"data":"2.2.2.2"}`, "3=02020202"},
		{"tagged entries are tried first, in their order", 4, "", `{"code":3,"data":"1.1.1.1"},{"code":3,"data":"2.2.2.2","client-classes":["a"]},{"code":3,"data":"3.3.3.3","client-classes":["b","c"]}`,
			"3=02020202?a 3=03030303?b?c 3=01010101"},
		{"vendor options of several enterprises coexist", 4, "", `{"code":125,"data":"9"},{"code":125,"data":"4491"},{"code":125,"data":"9"},{"code":124,"data":"9, 0161"}`, "124=000000090161 125=00000009 125=0000118b"},
		{"vendor spaces are kept apart", 4, "", `{"code":2,"space":"vendor-4491","data":"1.2.3.4"},{"code":7,"space":"vendor-9","data":"ff"},{"code":1,"space":"docsis3-v4","data":"2"}`, "9.7=ff 4491.1=02 4491.2=01020304"},
		{"sub-options need their parent", 4, "", `{"code":1,"space":"vendor-encapsulated-options-space","data":"ff"}`, ""},
		{"43 by the last resort", 4, "", `{"code":43},{"code":2,"space":"vendor-encapsulated-options-space","data":"ff"},{"code":1,"space":"vendor-encapsulated-options-space","data":"'a'"}`, "43=0101610201ff"},
		{"own fields go first, spaces nest", 4,
			`{"name":"p","code":230,"type":"uint16","encapsulate":"one"},{"name":"q","code":1,"space":"one","type":"empty","encapsulate":"two"},{"name":"r","code":5,"space":"two","type":"uint8"}`,
			`{"name":"r","space":"two","data":"7"},{"name":"q","space":"one"},{"name":"p","data":"258"}`, "230=01020103050107"},
		{"spaces may form a ring", 4,
			`{"name":"p","code":230,"type":"empty","encapsulate":"one"},{"name":"q","code":1,"space":"one","type":"empty","encapsulate":"two"},{"name":"r","code":1,"space":"two","type":"empty","encapsulate":"one"}`,
			`{"name":"p"},{"name":"q","space":"one"},{"name":"r","space":"two"}`, "230=01020100"},
		{"long sub-options are split", 4, "", `{"code":43},{"code":1,"space":"vendor-encapsulated-options-space","csv-format":false,"data":"` + strings.Repeat("00", 256) + `"}`,
			"43=01ff" + strings.Repeat("00", 255) + "010100"},
		{"softwire containers", 6, "", `{"name":"s46-cont-mape"},{"space":"s46-cont-mape-options","name":"s46-rule","data":"1, 0, 24, 192.0.2.0, 2001:db8:1::/64"},{"space":"s46-cont-mape-options","name":"s46-br","data":"2001:db8:cafe::1"},{"space":"s46-rule-options","name":"s46-portparams","data":"0, 3/4"}`,
			"94=00590018010018c00002004020010db800010000005d000400043000005a001020010db8cafe00000000000000000001"},
		{"RFC 5908: an instance for each ntp sub-option", 6, "", `{"name":"ntp-server"},{"space":"v6-ntp-server-suboptions","name":"ntp-server-fqdn","data":"a"},{"space":"v6-ntp-server-suboptions","name":"ntp-server-fqdn","data":"b"}`, "56=00030003016100+00030003016200"},
		{"an instance for each resolver", 6, "", `{"name":"v6-dnr","data":"1, a"},{"name":"v6-dnr","data":"2, b"}`, "144=00010003016100+00020003016200"},
		{"always-send and never-send", 4, "", `{"code":3,"data":"1.1.1.1","always-send":true},{"code":15,"never-send":true}`, "3=01010101 15= always[3] never[15]"},
		{"leasequery's containers do not contain everything", 6, "", `{"name":"client-data"},{"name":"preference","data":"1"}`, "7=01 45="},
	} {
		if got := scope(t, row.version, row.defs, row.data); got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.rule, got, row.want)
		}
	}
}

func TestClassLocalDefinitionOf43(t *testing.T) {
	var ps Problems
	global := parseOptionDefs(valueOf(t, `[{"name":"wide","code":1,"space":"aastra","type":"uint16"}]`), "d", 4, standardDefs(4), false, &ps)
	local := parseOptionDefs(valueOf(t, `[{"name":"vendor-encapsulated-options","code":43,"type":"empty","encapsulate":"aastra"}]`), "d", 4, global, true, &ps)
	set := parseOptionData(valueOf(t, `[{"code":43},{"name":"wide","space":"aastra","data":"258"}]`), "o", levelOther, 4, local, nil, &ps)
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	if got := set.Lookup(43); len(got) != 1 || hex.EncodeToString(got[0].Data) != "01020102" {
		t.Errorf("%+v", got)
	}
	if local.Own("dhcp4", 43) == nil || global.Own("dhcp4", 43) != nil || global.Lookup("dhcp4", 43).Encapsulate != "vendor-encapsulated-options-space" {
		t.Error("definitions of 43 are mixed up")
	}
	if parseOptionDefs(nil, "", 4, global, true, &ps) != nil || parseOptionDefs(nil, "", 4, global, false, &ps) != global {
		t.Error("absent list")
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	defs, set := loadAllOptions(t, 4)
	if n := testing.AllocsPerRun(100, func() {
		_ = defs.Lookup("dhcp4", 119)
		_ = set.Lookup(119)
		_ = set.VendorLookup(4491, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzOptionData(f *testing.F) {
	f.Add("uint8", "1, 2", false, true, []byte{1})
	f.Add("uint8, ipv6-prefix, fqdn", `1, ::/0, a\.b`, true, true, []byte{1, 2})
	f.Add("tuple", "'abc'", true, false, []byte{0, 1, 2})
	f.Add("internal", "1, a.b, ::1, alpn=dot", false, true, []byte{})
	f.Add("internal", "10.0.0.0/8 - 1.2.3.4", false, true, []byte{})
	f.Fuzz(func(t *testing.T, typ, text string, array, csv bool, received []byte) {
		for _, version := range []int{4, 6} {
			for _, code := range []uint16{121, 144, 162, 230} {
				d := &OptionDef{Name: "x", Code: code, Space: standardSpace(version), Type: typ, Array: array, version: version}
				if strings.Contains(typ, ",") {
					d.Type, d.Record = "record", strings.Split(strings.ReplaceAll(typ, " ", ""), ",")
				}
				if d.Type != "internal" && d.faults() != "" {
					continue
				}
				if data, err := d.Encode(text); err == nil {
					_ = d.Text(data)
					if _, err := d.accept(data); err != nil && d.Type != "string" && !strings.Contains(text, ":") {
						t.Errorf("%s %q gives %x, which is refused: %v", typ, text, data, err)
					}
				}
				_ = d.Text(received)
				_, _ = d.accept(received)
			}
			defs := standardDefs(version)
			for code := range uint16(256) {
				if d := defs.Lookup(standardSpace(version), code); d != nil {
					_ = d.Text(received)
				}
			}
			var ps Problems
			entry := NewMap(M("code", NewInt(231)), M("csv-format", NewBool(csv)), M("data", NewString(text)))
			parseOptionData(NewList(entry), "o", levelOther, version, defs, nil, &ps)
		}
	})
}
