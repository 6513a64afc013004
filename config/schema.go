package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// SchemaID names the schema of configurations.
const SchemaID = "urn:leasehold:configuration"

// Schema describes configuration files as a JSON Schema (2020-12), from the key
// table: types, bounds, words, defaults, and in x-standing what the server makes
// of a key. Kea's dialect beside plain JSON, which is comments and includes, is
// no matter of a schema; neither are meanings: pools that overlap pass it.
func Schema() []byte {
	s := schema{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"$id":                  SchemaID,
		"title":                "Configuration of Leasehold, in Kea's keys",
		"type":                 "object",
		"minProperties":        1,
		"maxProperties":        1,
		"additionalProperties": false,
		"properties": schema{
			"Dhcp4":         schema{"$ref": "#/$defs/" + levelSchema(4, lvGlobal)},
			"Dhcp6":         schema{"$ref": "#/$defs/" + levelSchema(6, lvGlobal)},
			"Control-agent": schema{"$ref": "#/$defs/" + levelSchema(4, lvAgent)},
		},
		"$defs": Definitions("#/$defs/", true),
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("config: " + err.Error())
	}
	return append(text, '\n')
}

// schema is a JSON Schema, or a part of one.
type schema = map[string]any

// Definitions are the schemas of all maps of a configuration by name, such as
// dhcp4-subnet; they refer to each other below the given path. The grammar of
// files is stricter than that of commands: it refuses empty maps.
func Definitions(path string, grammar bool) map[string]any {
	defs := make(map[string]any)
	var visit func(version int, l level)
	visit = func(version int, l level) {
		name := levelSchema(version, l)
		if defs[name] != nil {
			return
		}
		defs[name] = mapSchema(version, l, path, grammar)
		for _, k := range keysAt(version, l) {
			if k.is.of != 0 {
				visit(version, k.is.of)
			}
		}
	}
	visit(4, lvGlobal)
	visit(6, lvGlobal)
	visit(4, lvAgent)
	return defs
}

// levelSchema is the name of the definition of a kind of map.
func levelSchema(version int, l level) string {
	switch l {
	case lvGlobal:
		return fmt.Sprintf("dhcp%d", version)
	case lvAgent:
		return "control-agent"
	case lvAgentSockets, lvAgentSocket:
		return "control-agent-" + strings.ReplaceAll(levelNames[l], " ", "-")
	}
	return fmt.Sprintf("dhcp%d-%s", version, strings.ReplaceAll(levelNames[l], " ", "-"))
}

// mapSchema describes one kind of map.
func mapSchema(version int, l level, path string, grammar bool) schema {
	table := keysAt(version, l)
	properties := make(schema, len(table))
	var twice []schema
	for name, k := range table {
		properties[name] = k.schema(version, l, path)
		if k.newName != name && table[k.newName] != nil {
			twice = append(twice, schema{"not": schema{"required": []string{name, k.newName}}})
		}
	}
	s := schema{"type": "object", "properties": properties}
	if l != lvQueue { // arbitrary parameters of a queue type
		s["additionalProperties"] = false
	}
	if must := mustAt[version][l.number()]; len(must) > 0 {
		s["required"] = must
	} else if grammar && !mayBeEmpty(l) {
		s["minProperties"] = 1
	}
	if len(twice) > 0 {
		slices.SortFunc(twice, func(a, b schema) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		s["allOf"] = twice
	}
	return s
}

// standingNames are what a schema calls the standings.
var standingNames = [...]string{supported: "supported", noEffect: "no effect", refused: "refused"}

// schema describes one key at one level.
func (k *key) schema(version int, l level, path string) schema {
	s := k.is.schema(version, path)
	text := describe(l, k.name)
	if l == lvHook && k.name == "library" {
		names := slices.Sorted(maps.Keys(builtinHooks))
		s["pattern"] = "(^|/)(" + strings.ReplaceAll(strings.Join(names, "|"), ".", `\.`) + ")$"
	}
	s["x-standing"] = standingNames[k.stand]
	switch {
	case k.stand == refused:
		// An empty list asks for nothing.
		if s["maxItems"] = 0; k.is.kind != List {
			s = schema{"not": schema{}, "x-standing": standingNames[refused]}
		}
		text += " Refused: " + k.why + "."
	case k.stand == noEffect:
		text += " Without effect: " + k.why + "."
	}
	if k.newName != "" {
		s["deprecated"] = true
		if l == lvD2 {
			text += " It belongs into the top map."
		} else {
			text += " Older spelling of " + k.newName + "."
		}
	}
	if k.inherit != own && l != lvGlobal {
		text += " Taken over from the level above if absent."
	}
	s["description"] = text
	if k.def != "" && (l == lvGlobal || k.inherit == own) {
		s["default"] = json.RawMessage(k.def)
	}
	return s
}

var schemaTypes = [...]string{Null: "null", Bool: "boolean", Int: "integer", Real: "number", String: "string", List: "array", Map: "object"}

// schema describes values of a shape.
func (x *shape) schema(version int, path string) schema {
	if x.kind == Map && x.of != 0 {
		return schema{"$ref": path + levelSchema(version, x.of)}
	}
	s := schema{"type": schemaTypes[x.kind]}
	switch {
	case x.kind == Int:
		s["minimum"] = x.lo
		if x.hi != math.MaxInt64 {
			s["maximum"] = x.hi
		}
	case x.kind == String && x.fold:
		s["pattern"] = anyCase(x.words)
	case x.kind == String && x.words != nil:
		s["enum"] = x.words
	case x.kind == List && x.of != 0:
		s["items"] = schema{"$ref": path + levelSchema(version, x.of)}
	case x.kind == List:
		s["items"] = schema{"type": schemaTypes[x.elem]}
	}
	return s
}

// anyCase is a pattern of words in any case: patterns of schemas have no flags.
func anyCase(words []string) string {
	folded := make([]string, len(words))
	for i, w := range words {
		for _, c := range w {
			folded[i] += "[" + strings.ToUpper(string(c)) + strings.ToLower(string(c)) + "]"
		}
	}
	return "^(" + strings.Join(folded, "|") + ")$"
}
