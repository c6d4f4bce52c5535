//! The stock contracts, one protocol a file, its diagram first.
//!
//! In the diagrams `?` marks what the server receives and `!` what it sends.

pub mod archive;
pub mod block_device;
pub mod console;
pub mod count;
pub mod digest;
pub mod directory;
pub mod file;
pub mod injector;
pub mod log;
pub mod ping;
pub mod pipe;
pub mod probe;
pub mod serial;
pub mod socket;
pub mod store;
pub mod supervisor;
pub mod system;
pub mod timer;

use crate::Contract;
use crate::endpoint::Description;

/// Every stock contract, for tools.
pub const ALL: &[&Description] = &[
    archive::Archive::DESCRIPTION,
    archive::BootImage::DESCRIPTION,
    block_device::BlockDevice::DESCRIPTION,
    console::Console::DESCRIPTION,
    count::Count::DESCRIPTION,
    digest::Digest::DESCRIPTION,
    directory::Broker::DESCRIPTION,
    directory::Directory::DESCRIPTION,
    file::File::DESCRIPTION,
    file::FileSystem::DESCRIPTION,
    injector::Injector::DESCRIPTION,
    log::Log::DESCRIPTION,
    log::LogReader::DESCRIPTION,
    ping::PingPong::DESCRIPTION,
    ping::Pinger::DESCRIPTION,
    pipe::Pipe::DESCRIPTION,
    pipe::PipeReader::DESCRIPTION,
    pipe::PipeWriter::DESCRIPTION,
    probe::Probe::DESCRIPTION,
    serial::SerialInput::DESCRIPTION,
    serial::SerialOutput::DESCRIPTION,
    socket::Incoming::DESCRIPTION,
    socket::Listener::DESCRIPTION,
    socket::Network::DESCRIPTION,
    socket::Outgoing::DESCRIPTION,
    store::Cursor::DESCRIPTION,
    store::Store::DESCRIPTION,
    supervisor::Life::DESCRIPTION,
    supervisor::Supervisor::DESCRIPTION,
    system::Ending::DESCRIPTION,
    system::System::DESCRIPTION,
    timer::Alarm::DESCRIPTION,
    timer::Timer::DESCRIPTION,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;
    use crate::Side;

    #[test]
    fn every_contract_of_this_folder_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/spec");
        let files = std::fs::read_dir(folder).expect("the sources are there");
        let derived: usize = files
            .map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("a text"))
            .map(|text| text.lines().filter(|line| *line == "#[derive(Contract)]").count())
            .sum();
        assert_eq!(ALL.len(), derived);
        let mut names: std::vec::Vec<&str> = ALL.iter().map(|contract| contract.name).collect();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    /// The steps of the diagrams in a file, each as `From --?Message--> To`. A line may begin with a contract's name.
    fn drawn(text: &str) -> BTreeSet<String> {
        let mut steps = BTreeSet::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("//").map(|line| line[1..].trim())) {
            let words: Vec<&str> = line.split_whitespace().collect();
            for at in 1..words.len().saturating_sub(1) {
                if words[at].starts_with("--") && words[at].ends_with("-->") {
                    steps.insert([words[at - 1], words[at], words[at + 1]].join(" "));
                }
            }
        }
        steps
    }

    #[test]
    fn the_diagrams_show_every_step_of_their_contracts_and_no_others() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/spec");
        for file in std::fs::read_dir(folder).expect("the sources are there") {
            let path = file.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("a text");
            let here = |contract: &&&Description| text.contains(&format!("pub enum {} {{", contract.name));
            let steps = ALL.iter().filter(here).flat_map(|contract| {
                contract.messages.iter().flat_map(move |message| {
                    let mark = if message.sender == Side::Client { '?' } else { '!' };
                    message.steps.iter().map(move |(from, to)| {
                        let state = |state: &u16| contract.states[usize::from(*state)].name;
                        format!("{} --{mark}{}--> {}", state(from), message.name, state(to))
                    })
                })
            });
            let (steps, drawn): (BTreeSet<String>, _) = (steps.collect(), drawn(&text));
            let missing: Vec<_> = steps.difference(&drawn).collect();
            let wrong: Vec<_> = drawn.difference(&steps).collect();
            if path.file_name().is_some_and(|name| name != "mod.rs") {
                assert!(
                    missing.is_empty() && wrong.is_empty(),
                    "{path:?}: missing {missing:#?}, wrong {wrong:#?}"
                );
            }
        }
    }
}
