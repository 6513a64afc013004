package main

import (
	"github.com/spf13/cobra"

	"leasehold/config"
	"leasehold/server"
)

func newOpenAPI() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI 3.1 description of the commands over HTTP",
		Long: `Print the OpenAPI 3.1 description of the commands over HTTP: each with its arguments,
its answer, the role that it demands and the library that brings it. A running server
has it at ` + server.OpenAPIPath + ` of its HTTP control sockets.`,
		Example: "  leasehold openapi >leasehold.openapi.json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(server.OpenAPI(release))
			return err
		},
	}
}

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of configuration files",
		Long: `Print the JSON Schema (2020-12) of configuration files, for editors and generators:
every key with its type, bounds, default and description; x-standing says whether the
server supports it, reads it without effect, or refuses it. A running server has it at
` + server.SchemaPath + ` of its HTTP control sockets. What a schema cannot say,
"leasehold check" does.`,
		Example: "  leasehold schema >leasehold.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(config.Schema())
			return err
		},
	}
}
