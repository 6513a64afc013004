package main

import (
	"encoding/json"
	"io"
	"path/filepath"

	"leasehold/config"
)

// The parts of SARIF 2.1.0 that a problem needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"` // error, warning
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

// writeSARIF prints problems for code scanners.
func writeSARIF(w io.Writer, ps config.Problems) error {
	run := sarifRun{
		Tool:    sarifTool{sarifDriver{Name: "leasehold check", Version: release, Rules: []sarifRule{}}},
		Results: []sarifResult{},
	}
	known := make(map[string]bool)
	for _, p := range ps {
		if !known[p.Code] {
			known[p.Code] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{p.Code})
		}
		run.Results = append(run.Results, sarifProblem(p))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}

func sarifProblem(p *config.Problem) sarifResult {
	r := sarifResult{RuleID: p.Code, Level: "error", Message: sarifText{p.What}}
	if p.Warning {
		r.Level = "warning"
	}
	if p.Cure != "" {
		r.Message.Text += ": " + p.Cure
	}
	if p.Pos.File == "" {
		return r
	}
	l := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{filepath.ToSlash(p.Pos.File)}}}
	if p.Pos.Line > 0 {
		l.Physical.Region = &sarifRegion{p.Pos.Line, p.Pos.Col}
	}
	if p.Path != "" {
		l.Logical = []sarifLogical{{p.Path}}
	}
	r.Locations = []sarifLocation{l}
	return r
}
