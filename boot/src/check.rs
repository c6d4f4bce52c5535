//! Checks, before anything boots, that the processes fit together.

use crate::guest::Images;
use crate::wiring::{self, PROCESSES, Start};
use anyhow::{Context, Result, bail};
use contracts::Contract;
use contracts::endpoint::Description;
use contracts::manifest::{ContractInfo, Manifest, Role, SECTION, Wiring};
use contracts::spec::archive::BootImage;
use contracts::spec::directory::Broker;
use contracts::spec::probe::Probe;
use contracts::spec::serial::{SerialInput, SerialOutput};
use contracts::spec::system::System;
use object::{Object, ObjectSection};
use std::collections::{BTreeMap, BTreeSet};
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

/// Checks that the wiring names exactly the SIPs there are, that each image holds a manifest of its name with a policy
/// that makes sense, and that every service a manifest uses is provided once, with the same contract, by a process that
/// starts earlier or by the kernel. Returns the wiring.
///
/// # Errors
/// Names the first process that does not fit, and why.
pub fn check(images: &Images) -> Result<Wiring> {
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
    fit(&processes)?;
    Ok(wiring::wiring(processes.iter().map(|(start, manifest)| (*start, manifest))))
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

/// Who provides a service, and with which contract.
struct Provider<'a> {
    name: &'a str,
    turn: Turn,
    contract: ContractInfo,
}

/// When a process starts, compared with others: the kernel, then what it starts, then what the supervisor starts, each
/// in their order. What starts on demand starts after all of these, and is nobody's provider before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Kernel,
    ByKernel(usize),
    Supervised(usize),
    OnDemand,
}

fn turn(start: Start, position: usize) -> Turn {
    match start {
        Start::ByKernel => Turn::ByKernel(position),
        Start::Supervised(_) => Turn::Supervised(position),
        Start::OnDemand => Turn::OnDemand,
    }
}

/// Checks that processes can be started together, and watched, by their manifests: all that [`check`] does but for the
/// files.
///
/// # Errors
/// As [`check`].
pub fn fit(processes: &[(Start, Manifest)]) -> Result<()> {
    for (_, manifest) in processes {
        manifest.check_priority().with_context(|| manifest.name.clone())?;
        let policy = manifest.policy.check();
        policy.with_context(|| format!("{}: when it is restarted makes no sense", manifest.name))?;
    }
    let supervised = |role| processes.iter().find(|(start, _)| *start == Start::Supervised(role));
    if supervised(Role::Part).is_some() && supervised(Role::Purpose).is_none() {
        bail!("wiring: no process is the system's purpose, so it would never end");
    }
    let provided = providers(processes)?;
    for (_, manifest) in processes {
        for port in &manifest.uses {
            let (user, service) = (&manifest.name, &port.service);
            let Some(provider) = provided.get(service.as_str()) else {
                bail!("{user} uses the service {service}, which no process provides");
            };
            if let Some(difference) = port.contract.difference(&provider.contract) {
                bail!("{user} and {} do not agree on the service {service}: {difference}", provider.name);
            }
        }
    }
    if let Some(circle) = circle(processes, &provided) {
        bail!("no order of start would do: {}", circle.join(" uses "));
    }
    for (position, (start, manifest)) in processes.iter().enumerate() {
        for port in &manifest.uses {
            let (user, service) = (&manifest.name, &port.service);
            let provider = &provided[service.as_str()];
            if provider.turn >= turn(*start, position) {
                bail!("{user} uses the service {service}, so {} must start before it", provider.name);
            }
        }
    }
    Ok(())
}

/// The providers by service.
fn providers(processes: &[(Start, Manifest)]) -> Result<BTreeMap<&str, Provider<'_>>> {
    let mut provided = BTreeMap::new();
    for (service, description) in KERNEL {
        let provider = Provider { name: "the kernel", turn: Turn::Kernel, contract: description.into() };
        provided.insert(service, provider);
    }
    for (position, (start, manifest)) in processes.iter().enumerate() {
        for port in &manifest.provides {
            let provider = Provider {
                name: &manifest.name,
                turn: turn(*start, position),
                contract: port.contract.clone(),
            };
            if let Some(other) = provided.insert(&port.service, provider) {
                bail!("{} and {} both provide the service {}", manifest.name, other.name, port.service);
            }
        }
    }
    Ok(provided)
}

/// The names of processes each of which uses a service of the next, the last being the first again; none if there are
/// none such.
fn circle<'a>(
    processes: &'a [(Start, Manifest)],
    provided: &BTreeMap<&str, Provider<'a>>,
) -> Option<Vec<&'a str>> {
    let uses = |name: &str| {
        let manifest = processes.iter().map(|(_, manifest)| manifest).find(|manifest| manifest.name == name);
        manifest
            .into_iter()
            .flat_map(|manifest| &manifest.uses)
            .map(|port| provided[port.service.as_str()].name)
    };
    // Whose users have all been followed, and found to be in no circle.
    let mut clear = BTreeSet::new();
    for (_, manifest) in processes {
        let mut way = vec![(manifest.name.as_str(), uses(&manifest.name))];
        while let Some((name, next)) = way.last_mut() {
            let name = *name;
            match next.next() {
                None => {
                    clear.insert(name);
                    way.pop();
                }
                Some(next) if clear.contains(next) => {}
                Some(next) => match way.iter().position(|(name, _)| *name == next) {
                    Some(start) => {
                        return Some(way[start..].iter().map(|(name, _)| *name).chain([next]).collect());
                    }
                    None => way.push((next, uses(next))),
                },
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Side;
    use contracts::channel::Shape;
    use contracts::manifest::{MOST_PRIORITY, MessageInfo, Port};
    use contracts::restart;

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
            policy: restart::DEFAULT,
        }
    }

    const PART: Start = Start::Supervised(Role::Part);
    const PURPOSE: Start = Start::Supervised(Role::Purpose);

    fn complaint(manifests: &[Manifest]) -> String {
        let processes: Vec<_> =
            manifests.iter().map(|manifest| (Start::ByKernel, manifest.clone())).collect();
        said(&processes)
    }

    fn said(processes: &[(Start, Manifest)]) -> String {
        fit(processes).map_or_else(|error| format!("{error:#}"), |()| "none".into())
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
            "ping uses the service echo, so pong must start before it"
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

    #[test]
    fn what_the_kernel_starts_starts_before_what_the_supervisor_starts_and_that_before_all_else() {
        let (pong, ping) = (process("pong", &[("echo", 1)], &[]), process("ping", &[], &[("echo", 1)]));
        for (provider, user) in
            [(Start::ByKernel, PURPOSE), (PURPOSE, Start::OnDemand), (Start::ByKernel, Start::OnDemand)]
        {
            assert_eq!(said(&[(provider, pong.clone()), (user, ping.clone())]), "none");
            // Whatever the order of the lines.
            assert_eq!(said(&[(user, ping.clone()), (provider, pong.clone())]), "none");
            assert_eq!(
                said(&[(user, pong.clone()), (provider, ping.clone())]),
                "ping uses the service echo, so pong must start before it"
            );
        }
    }

    #[test]
    fn processes_that_use_each_other_in_a_circle_are_named_all() {
        let circle = [
            process("first", &[("a", 1)], &[("other", 1)]),
            process("other", &[("other", 1)], &[]),
            process("second", &[("b", 1)], &[("other", 1), ("c", 1)]),
            process("third", &[("c", 1)], &[("a", 1), ("d", 1)]),
            process("fourth", &[("d", 1)], &[("b", 1)]),
        ];
        assert_eq!(
            complaint(&circle),
            "no order of start would do: second uses third uses fourth uses second"
        );
        assert_eq!(
            complaint(&[process("self", &[("a", 1)], &[("a", 1)])]),
            "no order of start would do: self uses self"
        );
        // Two ways to the same provider are no circle.
        let diamond = [
            process("bottom", &[("a", 1)], &[]),
            process("left", &[("b", 1)], &[("a", 1)]),
            process("right", &[("c", 1)], &[("a", 1)]),
            process("top", &[], &[("b", 1), ("c", 1)]),
        ];
        assert_eq!(complaint(&diamond), "none");
    }

    #[test]
    fn a_system_that_could_never_end_and_a_policy_that_makes_no_sense_are_refused() {
        let mut pong = process("pong", &[], &[]);
        assert_eq!(
            said(&[(PART, pong.clone())]),
            "wiring: no process is the system's purpose, so it would never end"
        );
        pong.policy.give_up_after = 0;
        assert_eq!(
            said(&[(PURPOSE, pong)]),
            "pong: when it is restarted makes no sense: it gives up after 0 ends; `restart: never` says so"
        );
    }

    #[test]
    fn a_priority_that_only_the_kernel_has_and_none_at_all_are_refused() {
        let with = |priority| {
            let mut pong = process("pong", &[], &[]);
            pong.priority = priority;
            complaint(&[pong])
        };
        assert_eq!([1, MOST_PRIORITY].map(with), ["none"; 2]);
        for priority in [0, MOST_PRIORITY + 1, 31, 255] {
            let said = "and a process has one from 1 to 29";
            assert_eq!(with(priority), format!("pong: its manifest asks for priority {priority}, {said}"));
        }
    }

    #[test]
    fn the_wiring_says_what_each_supervised_process_needs() {
        let processes = [
            (Start::ByKernel, process("root", &[("root", 1)], &[])),
            (PART, process("pong", &[("echo", 1), ("more", 1)], &[])),
            (PART, process("ping", &[("ping", 1)], &[("echo", 1), ("more", 1), ("broker", 1)])),
            (PURPOSE, process("shell", &[], &[("ping", 1), ("root", 1), ("echo", 1)])),
            (Start::OnDemand, process("hello", &[], &[("ping", 1)])),
        ];
        let wiring = wiring::wiring(processes.iter().map(|(start, manifest)| (*start, manifest)));
        assert_eq!(wiring.start, ["root"]);
        let supervised: Vec<_> =
            wiring.supervised.iter().map(|sip| (sip.name.as_str(), sip.role, sip.needs.join(" "))).collect();
        assert_eq!(
            supervised,
            [
                ("pong", Role::Part, String::new()),
                ("ping", Role::Part, "pong".into()),
                ("shell", Role::Purpose, "pong ping".into())
            ]
        );
    }
}
