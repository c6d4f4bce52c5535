//! `cargo run -- contracts [NAME] [--svg DIR]`: prints and draws the stock contracts, and those of the processes.

use crate::{check, guest};
use anyhow::{Context, Result, bail};
use contracts::Side;
use contracts::manifest::ContractInfo;
use contracts::spec;
use picture::{Arrow, Diagram, Sender};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Prints the contract `name`, or all of them, and writes their pictures to `svg` if there is one.
///
/// # Errors
/// When there is no such contract, the processes do not build, or a picture cannot be written.
pub fn print(name: Option<&str>, svg: Option<&Path>) -> Result<()> {
    let mut contracts = all()?;
    if let Some(name) = name {
        contracts.retain(|contract| contract.name == name);
        if contracts.is_empty() {
            bail!("there is no contract {name}; `cargo run -- contracts` lists them all");
        }
    }
    if let Some(dir) = svg {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let mut drawn: BTreeMap<&str, usize> = BTreeMap::new();
    for contract in &contracts {
        print!("{}", describe(contract));
        if let Some(dir) = svg {
            // Contracts of one name in different processes have a picture each.
            let number = drawn.entry(&contract.name).and_modify(|number| *number += 1).or_insert(1);
            let suffix = if *number == 1 { String::new() } else { format!("-{number}") };
            let path = dir.join(format!("{}{suffix}.svg", contract.name));
            fs::write(&path, diagram(contract).svg())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// The stock contracts, and those of the processes' manifests, by name; each once.
fn all() -> Result<Vec<ContractInfo>> {
    let mut found: BTreeMap<(String, u64), ContractInfo> = BTreeMap::new();
    let images = guest::build()?;
    let mut add = |contract: ContractInfo| {
        found.insert((contract.name.clone(), contract.shape.fingerprint), contract);
    };
    spec::ALL.iter().for_each(|description| add(ContractInfo::from(*description)));
    for path in images.sips.values() {
        let manifest = check::manifest(path)?;
        manifest.provides.into_iter().chain(manifest.uses).for_each(|port| add(port.contract));
    }
    Ok(found.into_values().collect())
}

/// A contract as text: what it costs, and who says what in which state.
fn describe(contract: &ContractInfo) -> String {
    let shape = &contract.shape;
    let mut text = format!("{}  fingerprint {:016x}", contract.name, shape.fingerprint);
    for base in &contract.bases {
        let _ = write!(text, ", extends {}", base.name);
    }
    text.push('\n');
    for (side, way) in [(Side::Server, "to the server"), (Side::Client, "to the client")] {
        let (depth, (_, stride)) = (shape.depth[side as usize], shape.slots(side));
        let _ = writeln!(text, "  {way}: depth {depth}, slots of {stride} bytes");
    }
    let _ = match shape.plan() {
        Some(plan) => writeln!(text, "  a channel takes {} bytes", plan.layout().size()),
        None => writeln!(text, "  a channel is too large to be made"),
    };
    for (state, name) in contract.states.iter().enumerate() {
        let moves: Vec<_> = steps(contract).filter(|step| step.from == state).collect();
        let Some(first) = moves.first() else { continue };
        let speaker = if first.sender == Sender::Client { "client" } else { "server" };
        let start = if state == usize::from(shape.start) { ", start" } else { "" };
        let _ = writeln!(text, "  {name} ({speaker} sends{start})");
        for step in moves {
            let _ = write!(text, "    {} -> {}", step.label, contract.states[step.to]);
            for message in contract.messages.iter().filter(|message| message.name == step.label) {
                if message.window > 0 {
                    let _ = write!(text, ", window {}", message.window);
                }
                let carried: Vec<_> =
                    contract.carried_by(message).collect::<BTreeSet<_>>().into_iter().collect();
                if !carried.is_empty() {
                    let _ = write!(text, ", carries {}", carried.join(" and "));
                }
            }
            text.push('\n');
        }
    }
    text.push('\n');
    text
}

fn diagram(contract: &ContractInfo) -> Diagram {
    Diagram {
        title: contract.name.clone(),
        states: contract.states.clone(),
        arrows: steps(contract).collect(),
    }
}

fn steps(contract: &ContractInfo) -> impl Iterator<Item = Arrow> {
    contract.messages.iter().flat_map(|message| {
        message.steps.iter().map(|(from, to)| Arrow {
            from: usize::from(*from),
            to: usize::from(*to),
            label: message.name.clone(),
            sender: match message.sender {
                Side::Client => Sender::Client,
                Side::Server => Sender::Server,
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::Contract;
    use contracts::spec::ping::PingPong;
    use contracts::spec::pipe::Pipe;
    use contracts::spec::system::System;

    #[test]
    fn a_contract_is_printed_with_states_speakers_depths_and_fingerprint() {
        let text = describe(&ContractInfo::from(PingPong::DESCRIPTION));
        assert!(
            text.starts_with(&format!("PingPong  fingerprint {:016x}\n", PingPong::FINGERPRINT)),
            "{text}"
        );
        for line in [
            "  Idle (client sends, start)\n    Ping -> Waiting\n",
            "  to the client: depth 1, slots of 16 bytes\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn a_message_that_carries_endpoints_is_printed_with_their_contracts() {
        let text = describe(&ContractInfo::from(System::DESCRIPTION));
        assert!(text.contains("    Start -> Starting, carries Ending\n"), "{text}");
        assert!(text.contains("    Log -> ReadingLog\n"), "{text}");
        let text = describe(&ContractInfo::from(Pipe::DESCRIPTION));
        assert!(text.contains(", carries PipeReader and PipeWriter\n"), "{text}");
    }
}
