"""The files below deploy/ are well formed, agree with each other, and name what exists."""

import json
import pathlib
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "tollgate.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "tollgate.json"
KUBERNETES = DEPLOY / "kubernetes"


def promtool(*arguments, **options):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def expressions():
    """Every PromQL expression of rules and dashboard."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def families():
    """The metric families those expressions name."""
    names = re.findall(r"\btollgate_[a-z_]+", " ".join(expressions()))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def documented():
    """The metric families that docs/operations.md lists."""
    return set(re.findall(r"`(tollgate_[a-z_]+)", (ROOT / "docs" / "operations.md").read_text()))


def test_alert_rules_are_valid_and_fire_when_they_should():
    promtool("check", "rules", RULES)
    promtool("test", "rules", "tollgate.test.yml", cwd=RULES.parent)


def test_dashboard_queries_are_valid(tmp_path):
    queries = [expression.replace("$__rate_interval", "5m").replace("$instance", ".*") for expression in expressions()]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "queries.yml")


def test_dashboard_panels_are_distinct_and_titled():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) == len({panel["title"] for panel in panels})
    corners = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(corners) == len(panels), "no panel hides another"


def test_rules_and_dashboard_use_documented_metrics():
    assert families() <= documented()


def manifests():
    for path in sorted(KUBERNETES.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path.name, document


def manifest(kind):
    """The gateway's own manifest of a kind."""
    return next(document for _, document in manifests() if document["kind"] == kind and document["metadata"]["name"] == "tollgate")


def test_every_manifest_is_applied_or_says_why_not():
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    present = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml", "backend-networkpolicy.yaml"}
    assert set(kustomization["resources"]) == present
    for generator in kustomization["configMapGenerator"]:
        assert all((KUBERNETES / name).exists() for name in generator["files"])
    for name, document in manifests():
        assert document["apiVersion"] and document["kind"], name


def test_probes_ports_and_mounts_agree_with_the_configuration():
    configuration = tomllib.loads((KUBERNETES / "tollgate.toml").read_text())
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert int(configuration["listener"][0]["address"].rsplit(":", 1)[1]) == ports["https"]
    assert int(configuration["admin"]["address"].rsplit(":", 1)[1]) == ports["admin"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert manifest("Service")["spec"]["ports"][0]["targetPort"] in ports
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert any(configuration["listener"][0]["tls"]["private_key"].startswith(mount + "/") for mount in mounts)
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_the_pod_is_confined():
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
    assert container["readOnlyRootFilesystem"] and not container["allowPrivilegeEscalation"]
    assert container["capabilities"] == {"drop": ["ALL"]}


def test_the_admin_port_is_not_for_everyone():
    admin = [rule for rule in manifest("NetworkPolicy")["spec"]["ingress"] if {"port": "admin"} in rule["ports"]]
    assert admin and all(rule.get("from") for rule in admin)
    assert all(port["targetPort"] != "admin" for port in manifest("Service")["spec"]["ports"])


def test_the_unit_is_well_formed(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = (DEPLOY / "systemd" / "tollgate.service").read_text()
    assert "ExecReload=/bin/kill -HUP $MAINPID" in unit
    path = tmp_path / "tollgate.service"
    path.write_text(unit.replace("/usr/local/bin/tollgate", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "tollgate.service" in line]
    assert not complaints, complaints


def test_the_unit_reads_a_renewed_key():
    unit = (DEPLOY / "systemd" / "tollgate.service").read_text()
    directives = [line.split("=", 1)[0] for line in unit.splitlines() if "=" in line and not line.startswith("#")]
    assert "User" in directives and not {"DynamicUser", "LoadCredential", "ExecStartPre"} & set(directives)
    text = (DEPLOY / "systemd" / "tollgate.toml").read_text()
    assert "/run/credentials" not in text, "a credential is copied once, at start"


def test_the_container_runs_as_nobody_in_particular():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    user = [line for line in lines if line.startswith("USER ")]
    assert user and not user[-1].startswith(("USER root", "USER 0"))
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["rust-version"]
    assert any(line.startswith(f"FROM rust:{version}-") for line in lines), "the image builds with the declared compiler"
    assert any("/livez" in line for line in lines if line.startswith("HEALTHCHECK"))


def test_the_image_has_a_file_for_every_target_of_the_manifest(tmp_path):
    """The instructions before the build, replayed in an empty folder: without one of these files Cargo refuses the manifest."""
    instructions = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    builds = next(number for number, line in enumerate(instructions) if "cargo build" in line)
    for line in instructions[:builds]:
        words = line.split()
        if words[:1] == ["COPY"]:
            *sources, target = words[1:]
            for source in sources:
                copied = ROOT / source
                if copied.is_dir():
                    shutil.copytree(copied, tmp_path / target, dirs_exist_ok=True)
                else:
                    shutil.copy(copied, tmp_path / target)
        elif words[:1] == ["RUN"] and "apt-get" not in words:
            subprocess.run(["sh", "-ec", line.removeprefix("RUN ")], cwd=tmp_path, check=True)
    manifest = tomllib.loads((tmp_path / "Cargo.toml").read_text())
    wanted = ["Cargo.lock", "src/lib.rs", "src/main.rs"]
    for kind, folder in [("bin", "src/bin"), ("test", "tests"), ("bench", "benches"), ("example", "examples")]:
        wanted += [target.get("path", f"{folder}/{target['name']}.rs") for target in manifest.get(kind, [])]
    assert len(wanted) > 3, "the manifest names targets"
    assert [path for path in wanted if not (tmp_path / path).is_file()] == []
