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
    use super::*;

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
}
