//! Checks, before anything boots, that the processes fit together.

use crate::guest::Images;
use crate::wiring::PROCESSES;
use anyhow::{Context, Result, bail};
use contracts::manifest::{ContractInfo, Manifest, SECTION};
use object::{Object, ObjectSection};
use std::collections::BTreeMap;
use std::path::Path;

/// Checks that the wiring names exactly the SIPs there are, that each image holds a manifest of its name, and that
/// every service a manifest uses is provided once, with the same contract.
///
/// # Errors
/// Names the first process that does not fit, and why.
pub fn check(images: &Images) -> Result<()> {
    for process in PROCESSES {
        if !images.sips.contains_key(process.name) {
            bail!("wiring: {} has no folder under sips/", process.name);
        }
    }
    for name in images.sips.keys() {
        if !PROCESSES.iter().any(|process| process.name == name) {
            bail!("sips/{name}: no line in boot/src/wiring.rs names it");
        }
    }
    let mut manifests = Vec::new();
    for (name, image) in &images.sips {
        let manifest = manifest(image).with_context(|| format!("sips/{name}"))?;
        if manifest.name != *name {
            bail!("sips/{name}: its manifest calls it {}", manifest.name);
        }
        manifests.push(manifest);
    }
    fit(&manifests)
}

/// Reads the manifest of the SIP image at `path`.
///
/// # Errors
/// When the file is no ELF image or holds no valid manifest.
pub fn manifest(path: &Path) -> Result<Manifest> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let image = object::File::parse(bytes.as_slice()).context("the image is not an ELF file")?;
    let section =
        image.section_by_name(SECTION).with_context(|| format!("the image has no section {SECTION}"))?;
    postcard::from_bytes(section.data()?).context("the manifest is damaged")
}

fn fit(manifests: &[Manifest]) -> Result<()> {
    let mut provided: BTreeMap<&str, (&str, &ContractInfo)> = BTreeMap::new();
    for manifest in manifests {
        for port in &manifest.provides {
            if let Some((other, _)) = provided.insert(&port.service, (&manifest.name, &port.contract)) {
                bail!("{} and {other} both provide the service {}", manifest.name, port.service);
            }
        }
    }
    for manifest in manifests {
        for port in &manifest.uses {
            let (user, service) = (&manifest.name, &port.service);
            let Some((provider, contract)) = provided.get(service.as_str()) else {
                bail!("{user} uses the service {service}, which no process provides");
            };
            if let Some(difference) = port.contract.difference(contract) {
                bail!("{user} and {provider} do not agree on the service {service}: {difference}");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::channel::Shape;
    use contracts::manifest::{MessageInfo, Port};

    fn contract(fingerprint: u64) -> ContractInfo {
        let shape = Shape { fingerprint, start: 0, depth: [1, 1], body: [0, 0] };
        let messages = vec![MessageInfo { name: "Ping".into(), fingerprint }];
        ContractInfo { name: "Echo".into(), shape, states: vec![], messages }
    }

    fn process(name: &str, provides: &[(&str, u64)], uses: &[(&str, u64)]) -> Manifest {
        let ports = |list: &[(&str, u64)]| {
            let port = |(service, print): &(&str, u64)| Port {
                service: (*service).into(),
                contract: contract(*print),
            };
            list.iter().map(port).collect()
        };
        let (provides, uses) = (ports(provides), ports(uses));
        Manifest { abi: 0, name: name.into(), provides, uses, memory: 0, stack: 0, priority: 1 }
    }

    fn complaint(manifests: &[Manifest]) -> String {
        fit(manifests).map_or_else(|error| error.to_string(), |()| "none".into())
    }

    #[test]
    fn every_use_must_meet_one_provider_of_the_same_fingerprint() {
        let pong = process("pong", &[("echo", 1)], &[]);
        assert_eq!(complaint(&[pong.clone(), process("ping", &[], &[("echo", 1)])]), "none");
        assert_eq!(
            complaint(&[pong.clone(), process("ping", &[], &[("other", 1)])]),
            "ping uses the service other, which no process provides"
        );
        assert_eq!(
            complaint(&[pong.clone(), process("ping", &[], &[("echo", 2)])]),
            "ping and pong do not agree on the service echo: message Ping differs"
        );
        assert_eq!(
            complaint(&[pong, process("twin", &[("echo", 1)], &[])]),
            "twin and pong both provide the service echo"
        );
    }
}
