package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const openAPIName = "urn:leasehold:openapi"

// apiSchemas compiles parts of the description with a validator of its own.
type apiSchemas struct {
	*jsonschema.Compiler
	doc map[string]any
}

func compiledAPI(t testing.TB) *apiSchemas {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(OpenAPI("test")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource(openAPIName, doc); err != nil {
		t.Fatal(err)
	}
	return &apiSchemas{c, doc.(map[string]any)}
}

// of returns the schemas of request and answers of a command; nil if it is not
// described.
func (a *apiSchemas) of(t testing.TB, command string) (request, answers *jsonschema.Schema) {
	t.Helper()
	if a.doc["paths"].(map[string]any)["/"+command] == nil {
		return nil, nil
	}
	at := openAPIName + "#/paths/~1" + command + "/post/"
	request, err := a.Compile(at + "requestBody/content/application~1json/schema")
	if err == nil {
		answers, err = a.Compile(at + "responses/200/content/application~1json/schema")
	}
	if err != nil {
		t.Fatal(err)
	}
	return request, answers
}

func instance(t testing.TB, text string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestShapesNameCommands(t *testing.T) {
	table := commandTable()
	for name := range commandShapes {
		if _, ok := table[name]; !ok && commands[4][name].doc == "" && commands[6][name].doc == "" {
			t.Errorf("%s is no command", name)
		}
	}
	api := compiledAPI(t)
	for _, version := range []int{4, 6} {
		for name := range commands[version] {
			if request, _ := api.of(t, name); request == nil {
				t.Errorf("%s is not described", name)
			}
		}
	}
}

// TestRecordedCommandsAreAsDescribed: what was asked of a Kea and answered with
// success is as the description says, request and answer; what was refused for
// want of an argument is not.
func TestRecordedCommandsAreAsDescribed(t *testing.T) {
	files, err := filepath.Glob("testdata/commands/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	api := compiledAPI(t)
	commands := make(map[string]bool)
	for _, file := range files {
		if filepath.Base(file) == "agent.txt" {
			continue // the agent's own commands are others
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		request := ""
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			mark, line, _ := strings.Cut(lines.Text(), " ")
			switch mark {
			case ">":
				request = line
			case "<", "=":
				name := recorded(t, api, request, line)
				commands[name] = true
			}
		}
	}
	if len(commands) < 60 {
		t.Errorf("only %d commands were compared", len(commands))
	}
}

// recorded judges one exchange and returns the name of the command.
func recorded(t *testing.T, api *apiSchemas, request, answer string) string {
	t.Helper()
	var got struct {
		Command string
		Result  int
		Text    string
	}
	for _, text := range []string{request, answer} {
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	asked, answered := api.of(t, got.Command)
	if asked == nil {
		return "" // not a command of ours
	}
	err := asked.Validate(instance(t, request))
	if got.Result == 0 && err != nil {
		t.Errorf("%s succeeds and is not as described: %v", request, err)
	}
	// A prefix-len is wanted for prefixes only, and either family is described.
	conditional := strings.Contains(got.Text, "prefix-len") || strings.Contains(got.Text, "'Dhcp")
	if text := strings.ToLower(got.Text); err == nil && !conditional && (strings.Contains(text, "missing parameter") || strings.Contains(text, "missing mandatory")) {
		t.Errorf("%s is refused and is as described: %s", request, got.Text)
	}
	if err := answered.Validate(instance(t, "["+answer+"]")); err != nil {
		t.Errorf("%s\nanswers %s\nwhich is not as described: %v", request, answer, err)
	}
	return got.Command
}
