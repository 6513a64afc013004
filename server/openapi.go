package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"leasehold/config"
	"leasehold/server/control"
)

// schema is a JSON Schema, or another object of the description.
type schema = map[string]any

// Where the HTTP doors serve the descriptions.
const (
	OpenAPIPath = "/openapi.json"
	SchemaPath  = "/configuration.schema.json"
)

const componentPath = "#/components/schemas/"

// documents are what the HTTP doors serve beside commands.
func (s *Server) documents() map[string]func() []byte {
	return map[string]func() []byte{
		OpenAPIPath: func() []byte { return OpenAPI(s.o.Release) },
		SchemaPath:  config.Schema,
	}
}

// OpenAPI describes the HTTP door, from the command table, in OpenAPI 3.1. The
// door does not look at the path of a request: the description has one for each
// command, so that each is an operation with arguments and answer of its own.
func OpenAPI(release string) []byte {
	paths := schema{}
	for name, c := range commandTable() {
		families := []string{"4", "6"}
		switch {
		case c.only != 0:
			families = []string{fmt.Sprint(c.only)}
		case !strings.Contains(name, "X"):
			families = []string{"X"}
		}
		for _, family := range families {
			n := strings.ReplaceAll(name, "X", family)
			shape, ok := commandShapes[n]
			if !ok {
				shape = commandShapes[name]
			}
			paths["/"+n] = schema{"post": operation(n, c, shape, family)}
		}
	}
	for path, what := range map[string]string{OpenAPIPath: "this description", SchemaPath: "JSON Schema of the configuration"} {
		paths[path] = schema{"get": schema{"summary": what, "operationId": strings.Trim(path, "/"), "responses": schema{
			"200": schema{"description": what, "content": schema{"application/json": schema{}}},
			"401": schema{"$ref": "#/components/responses/Unauthorized"},
		}}}
	}
	d := schema{
		"openapi": "3.1.0",
		"info": schema{
			"title":   "Leasehold",
			"version": release,
			"license": schema{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "Commands over HTTP, those of Kea " + Version + ". Every request is a POST of one command as application/json with a Content-Length; " +
				"the answer is a list with one element for each service that was asked. The path of a request is not looked at: it tells operations apart here.",
		},
		"servers":  []schema{{"url": "http://127.0.0.1:8000", "description": "an entry of control-sockets, or the Control-agent map"}},
		"security": []schema{{}, {"basic": []string{}}, {"certificate": []string{}}},
		"tags":     []schema{{"name": "read"}, {"name": "operate"}, {"name": "change"}},
		"paths":    paths,
		"components": schema{
			"securitySchemes": schema{
				"basic":       schema{"type": "http", "scheme": "basic", "description": "a user of `authentication`, with a role"},
				"certificate": schema{"type": "mutualTLS", "description": "with `cert-required`"},
			},
			"responses": responses(),
			"schemas":   components(),
		},
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic("server: " + err.Error())
	}
	return append(text, '\n')
}

// operation describes one command of a family, or of both: X.
func operation(name string, c command, shape commandShape, family string) schema {
	arguments := shapeSchema(shape.args, family)
	if shape.one {
		arguments["minProperties"] = 1
	}
	request := schema{
		"type": "object", "additionalProperties": false,
		"required": []string{"command"},
		"properties": schema{
			"command":   schema{"const": name},
			"service":   schema{"type": "array", "items": schema{"type": "string"}, "description": "dhcp4 or dhcp6; a door of one service needs none"},
			"remote":    schema{"type": "object"},
			"arguments": arguments,
		},
	}
	if strings.Contains(shape.args, "!") || shape.one {
		request["required"] = []string{"arguments", "command"}
	}
	o := schema{
		"operationId": name,
		"summary":     c.doc,
		"tags":        []string{c.role.String()},
		"x-role":      c.role.String(),
		"requestBody": schema{"required": true, "content": schema{"application/json": schema{"schema": request}}},
		"responses": schema{
			"200": schema{"description": "answers", "content": schema{"application/json": schema{"schema": schema{
				"type": "array", "items": answerSchema(shape.reply, family)}}}},
			"400": schema{"$ref": "#/components/responses/BadRequest"},
			"401": schema{"$ref": "#/components/responses/Unauthorized"},
			"403": schema{"$ref": "#/components/responses/Forbidden"},
			"408": schema{"$ref": "#/components/responses/RequestTimeout"},
			"413": schema{"$ref": "#/components/responses/TooLarge"},
		},
	}
	if c.hook != "" {
		o["x-library"] = c.hook
		o["description"] = "Needs " + c.hook + " in hooks-libraries."
	}
	return o
}

// answerSchema describes the answer of one service. Only a success promises
// more than a result.
func answerSchema(reply, family string) schema {
	s := schema{"$ref": componentPath + "answer"}
	if reply == "" {
		return s
	}
	arguments := shapeSchema(reply, family)
	return schema{"allOf": []schema{s, {
		"if":   schema{"properties": schema{"result": schema{"const": control.Success}}},
		"then": schema{"properties": schema{"arguments": arguments}},
	}}}
}

func responses() schema {
	bare := func(description string) schema {
		return schema{"description": description, "content": schema{"application/json": schema{"schema": schema{"$ref": componentPath + "answer"}}}}
	}
	return schema{
		"BadRequest":     bare("no POST, another Content-Type, no Content-Length, or no JSON"),
		"Unauthorized":   bare("no credentials, or wrong ones"),
		"Forbidden":      bare("the role of the user is too small for the command"),
		"RequestTimeout": bare("the request did not arrive in time"),
		"TooLarge":       bare("the request is larger than 64 MiB, or the requests that are arriving are too large together"),
	}
}

// components are the named schemas.
func components() schema {
	all := config.Definitions(componentPath, false)
	for name, members := range shapeMaps {
		all[name] = shapeSchema(members, "X")
	}
	for _, version := range []string{"4", "6"} {
		// A subnet is shown with more than a file has: what it takes over.
		all["dhcp"+version+"-subnet-shown"] = schema{"type": "object", "required": []string{"id", "subnet"}}
	}
	all["answer"] = schema{
		"type": "object", "additionalProperties": false, "required": []string{"result"},
		"properties": schema{
			"result": schema{"type": "integer", "description": "0 success, 1 error, 2 unsupported command, 3 nothing found, " +
				"4 conflict with configuration or state, 5 fatal; 401 and 403 come with that HTTP status"},
			"text":      schema{"type": "string"},
			"arguments": schema{"type": []string{"object", "array"}},
		},
	}
	all["samples"] = schema{
		"type":        "array",
		"description": "Samples, newest first: value and local time. Large values and mean values are no integers.",
		"items": schema{"type": "array", "minItems": 2, "maxItems": 2,
			"prefixItems": []schema{{"type": "number"}, {"type": "string"}}},
	}
	return all
}

// shapeTypes are the simple types of a shape.
var shapeTypes = map[string]schema{
	"string": {"type": "string"}, "int": {"type": "integer"}, "number": {"type": "number"}, "bool": {"type": "boolean"},
	"map": {"type": "object"}, "any": {},
}

// shapeSchema is the schema of a shape for a family; X stays a choice of both.
func shapeSchema(text, family string) schema {
	if members := strings.Fields(text); len(members) != 1 || !strings.ContainsAny(members[0][:1], "[@") {
		return mapShape(members, family)
	}
	return typeShape(text, family)
}

func mapShape(members []string, family string) schema {
	s := schema{"type": "object"}
	properties := schema{}
	required := make(map[string]bool)
	for _, m := range members {
		name, kind, _ := strings.Cut(m, ":")
		name, must := strings.CutSuffix(name, "!")
		if name == "*" {
			s["additionalProperties"] = typeShape(kind, family)
			continue
		}
		if family == "X" && strings.Contains(name, "X") {
			// Of either family: one of the two is there.
			for _, v := range []string{"4", "6"} {
				properties[strings.ReplaceAll(name, "X", v)] = typeShape(kind, v)
			}
			s["minProperties"] = 1
			continue
		}
		name = strings.ReplaceAll(name, "X", family)
		properties[name] = typeShape(kind, family)
		required[name] = required[name] || must
	}
	if len(properties) > 0 {
		s["properties"] = properties
	}
	maps.DeleteFunc(required, func(_ string, must bool) bool { return !must })
	if len(required) > 0 {
		s["required"] = slices.Sorted(maps.Keys(required))
	}
	return s
}

func typeShape(kind, family string) schema {
	inner, list := strings.CutPrefix(kind, "[")
	switch {
	case list:
		return schema{"type": "array", "items": typeShape(strings.TrimSuffix(inner, "]"), family)}
	case kind == "":
		return shapeTypes["string"]
	case kind == "samples":
		return schema{"$ref": componentPath + "samples"}
	case kind[0] == '@' && family == "X" && strings.Contains(kind, "X"):
		return schema{"anyOf": []schema{typeShape(strings.ReplaceAll(kind, "X", "4"), "4"), typeShape(strings.ReplaceAll(kind, "X", "6"), "6")}}
	case kind[0] == '@':
		return schema{"$ref": componentPath + strings.ReplaceAll(kind[1:], "X", family)}
	}
	s, ok := shapeTypes[kind]
	if !ok {
		panic("server: unknown type in a command's shape: " + kind)
	}
	return s
}
