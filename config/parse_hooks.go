package config

import (
	"fmt"
	"path"
	"strings"
)

// builtinHooks are the libraries whose work this server does itself.
var builtinHooks = map[string]bool{
	"libdhcp_lease_cmds.so": true, "libdhcp_stat_cmds.so": true, "libdhcp_subnet_cmds.so": true, "libdhcp_class_cmds.so": true,
	"libdhcp_host_cmds.so": true, "libdhcp_bootp.so": true, "libdhcp_flex_id.so": true, "libdhcp_flex_option.so": true,
	"libdhcp_ping_check.so": true,
	"libdhcp_ha.so":         true, "libdhcp_run_script.so": true, "libdhcp_limits.so": true, "libdhcp_legal_log.so": true,
}

// missingHooks are Kea's libraries that it does not do, and why.
var missingHooks = map[string]string{
	"libdhcp_lease_query.so": "lease query is not built in",
	"libdhcp_ddns_tuning.so": "names calculated by expressions are not built in",
	"libdhcp_perfmon.so":     "durations are among the server's own metrics",
	"libdhcp_radius.so":      "there is no RADIUS client",
	"libdhcp_host_cache.so":  "reservations are in memory already, there is nothing to cache",
	"libdhcp_rbac.so":        "the role of a user is a key of control-sockets/authentication/clients here",
	"libdhcp_mysql.so":       noSQL, "libdhcp_pgsql.so": noSQL, "libdhcp_mysql_cb.so": noSQL, "libdhcp_pgsql_cb.so": noSQL,
	"libdhcp_cb_cmds.so":      "there is no configuration backend",
	"libddns_gss_tsig.so":     "it belongs to the DDNS server",
	"libca_rbac.so":           "the role of a user is a key of control-sockets/authentication/clients here",
	"libdhcp_forensic_log.so": "this is the old name of libdhcp_legal_log.so",
	"libdhcp_user_chk.so":     "the example of user checking is not built in",
}

func (r *reader) hooks(v *Value, top *trail) {
	t := top.key("hooks-libraries")
	for i, e := range elements(v.Get("hooks-libraries")) {
		h := Hook{Path: e.text("library"), Parameters: e.Get("parameters"), Pos: e.Pos}
		h.Name = path.Base(h.Path)
		if e.Get("library") == nil {
			continue
		}
		r.hook(h, e, t.at(i))
	}
	if r.f.Hook("libdhcp_ha.so") == nil {
		return
	}
	if r.f.Hook("libdhcp_lease_cmds.so") == nil {
		r.warn("ha-lease-cmds", r.f.Hook("libdhcp_ha.so").Pos, t, "libdhcp_ha.so without libdhcp_lease_cmds.so: a Kea with this text could not take lease updates", "list libdhcp_lease_cmds.so too")
	}
}

func (r *reader) hook(h Hook, v *Value, t *trail) {
	pos := v.posOf("library")
	r.confine(r.opts.Dirs.Hooks, v.Get("library"), t.key("library"), "hooks library configuration error: %v")
	switch {
	case r.f.Hook(h.Name) != nil:
		r.bad("hook-twice", pos, t, fmt.Sprintf("hooks library %s is listed twice", h.Name), "the first is at "+r.f.Hook(h.Name).Pos.String())
		return
	case builtinHooks[h.Name]:
	default:
		why, known := missingHooks[h.Name]
		if !known {
			r.bad("hook", pos, t, fmt.Sprintf("hooks libraries failed to validate - library or libraries in error are: %s: libraries cannot be loaded, and none of this name is built in", h.Path), "remove it")
			return
		}
		cure := "remove it"
		if strings.HasPrefix(why, "this is the old name of ") {
			cure = "use the new name"
		}
		r.bad("hook", pos, t, fmt.Sprintf("hooks library %s is not supported: %s", h.Name, why), cure)
		return
	}
	r.f.Hooks = append(r.f.Hooks, h)
	if h.Name == "libdhcp_ha.so" {
		r.highAvailability(h.Parameters, v, t.key("parameters"))
	}
}
