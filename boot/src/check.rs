//! Checks, before anything boots, that the processes fit together.

use crate::guest::Images;
use crate::wiring::{PROCESSES, Start};
use anyhow::{Context, Result, bail};
use contracts::Contract;
use contracts::endpoint::Description;
use contracts::manifest::{ContractInfo, Manifest, SECTION};
use contracts::spec::archive::BootImage;
use contracts::spec::directory::Broker;
use contracts::spec::probe::Probe;
use contracts::spec::serial::{SerialInput, SerialOutput};
use contracts::spec::system::System;
use object::{Object, ObjectSection};
use std::collections::BTreeMap;
use std::path::Path;

/// The services that the kernel provides itself, by name.
const KERNEL: [(&str, &Description); 6] = [
    ("serial_input", SerialInput::DESCRIPTION),
    ("serial_output", SerialOutput::DESCRIPTION),
    ("broker", Broker::DESCRIPTION),
    ("system", System::DESCRIPTION),
    ("boot_image", BootImage::DESCRIPTION),
    ("probe", Probe::DESCRIPTION),
];

/// Checks that the wiring names exactly the SIPs there are, that each image holds a manifest of its name, and that
/// every service a manifest uses is provided once, with the same contract, by a process that starts earlier or by the
/// kernel.
///
/// # Errors
/// Names the first process that does not fit, and why.
pub fn check(images: &Images) -> Result<()> {
    for (position, process) in PROCESSES.iter().enumerate() {
        if PROCESSES[..position].iter().any(|earlier| earlier.name == process.name) {
            bail!("wiring: {} has two lines", process.name);
        }
        if !images.sips.contains_key(process.name) {
            bail!("wiring: {} has no folder under sips/", process.name);
        }
    }
    for name in images.sips.keys() {
        if !PROCESSES.iter().any(|process| process.name == name) {
            bail!("sips/{name}: no line in boot/src/wiring.rs names it");
        }
    }
    let mut processes = Vec::new();
    for process in PROCESSES {
        let (name, image) = (process.name, &images.sips[process.name]);
        let manifest = manifest(image).with_context(|| format!("sips/{name}"))?;
        if manifest.name != name {
            bail!("sips/{name}: its manifest calls it {}", manifest.name);
        }
        if manifest.abi != contracts::abi::HASH {
            bail!("sips/{name}: it was built against another version of the kernel's interface");
        }
        processes.push((process.start, manifest));
    }
    fit(&processes)
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

/// Checks that processes fit together, by their manifests in the order in which they start: all that [`check`] does but
/// for the files.
///
/// # Errors
/// As [`check`].
pub fn fit(processes: &[(Start, Manifest)]) -> Result<()> {
    let mut provided: BTreeMap<&str, (&str, usize, ContractInfo)> = BTreeMap::new();
    for (service, description) in KERNEL {
        provided.insert(service, ("the kernel", 0, description.into()));
    }
    for (position, (start, manifest)) in (1..).zip(processes) {
        // What starts on demand starts after all that starts with the system, and is nobody's provider before.
        let position = if *start == Start::OnDemand { usize::MAX } else { position };
        for port in &manifest.provides {
            let entry = (manifest.name.as_str(), position, port.contract.clone());
            if let Some((other, ..)) = provided.insert(&port.service, entry) {
                bail!("{} and {other} both provide the service {}", manifest.name, port.service);
            }
        }
    }
    for (position, (start, manifest)) in (1..).zip(processes) {
        let position = if *start == Start::OnDemand { usize::MAX } else { position };
        for port in &manifest.uses {
            let (user, service) = (&manifest.name, &port.service);
            let Some((provider, provider_position, contract)) = provided.get(service.as_str()) else {
                bail!("{user} uses the service {service}, which no process provides");
            };
            if let Some(difference) = port.contract.difference(contract) {
                bail!("{user} and {provider} do not agree on the service {service}: {difference}");
            }
            if *provider_position >= position {
                bail!("{user} uses the service {service}, so {provider} must come before it in the wiring");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Side;
    use contracts::channel::Shape;
    use contracts::manifest::{MessageInfo, Port};

    fn contract(fingerprint: u64) -> ContractInfo {
        let shape = Shape { fingerprint, start: 0, depth: [1, 1], body: [0, 0] };
        let ping = MessageInfo {
            name: "Ping".into(),
            fingerprint,
            sender: Side::Client,
            steps: vec![(0, 0)],
            window: 0,
            carries: vec![],
        };
        ContractInfo {
            name: "Echo".into(),
            shape,
            own: fingerprint,
            states: vec![],
            messages: vec![ping],
            bases: vec![],
            carried: vec![],
        }
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
        Manifest {
            abi: 0,
            name: name.into(),
            provides,
            uses,
            memory: 0,
            stack: 0,
            priority: 1,
            blocks: 0,
            channels: 0,
            threads: 1,
            cpu_percent: 100,
        }
    }

    fn complaint(manifests: &[Manifest]) -> String {
        let processes: Vec<_> = manifests.iter().map(|manifest| (Start::AtBoot, manifest.clone())).collect();
        fit(&processes).map_or_else(|error| error.to_string(), |()| "none".into())
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
            complaint(&[process("ping", &[], &[("echo", 1)]), pong.clone()]),
            "ping uses the service echo, so pong must come before it in the wiring"
        );
        assert_eq!(
            complaint(&[process("pong", &[("broker", 1)], &[])]),
            "pong and the kernel both provide the service broker"
        );
        assert_eq!(
            complaint(&[pong, process("twin", &[("echo", 1)], &[])]),
            "twin and pong both provide the service echo"
        );
    }
}
