//! Commands that look at the system.

use alloc::format;
use alloc::string::ToString;

use contracts::spec::directory::directory::ClientListing as ClientListingNames;
use contracts::spec::system::system::{
    ClientListing, ClientListingChannels, ClientReadingLog, ClientSumming, ClientTiming,
};
use contracts::spec::system::{ProcessInfo, ProcessState};
use contracts::{Closed, ExBox};

use crate::Shell;
use crate::failure::Failure;
use crate::table::{Align, Table};

impl Shell {
    pub(super) fn processes(&mut self) -> Result<ExBox<[ProcessInfo]>, Failure> {
        Ok(self.services.system.request(|system| {
            let ClientListing::ProcessList { processes, next } = system.processes().receive()?;
            Ok((next, processes))
        })?)
    }

    pub(super) fn ps(&mut self) -> Result<(), Failure> {
        let processes = self.processes()?;
        let mut table = Table::new([
            ("ID", Align::Right),
            ("STATE", Align::Left),
            ("PRIORITY", Align::Right),
            ("THREADS", Align::Right),
            ("MEMORY", Align::Right),
            ("SHARED", Align::Right),
            ("BLOCKS", Align::Right),
            ("SPACE", Align::Left),
            ("WHY", Align::Left),
            ("NAME", Align::Left),
        ]);
        for process in processes.iter() {
            let state = match process.state {
                ProcessState::Ready => "ready",
                ProcessState::Waiting => "waiting",
            };
            table.row([
                process.id.to_string(),
                state.to_string(),
                process.priority.to_string(),
                process.threads.to_string(),
                kib(process.memory),
                kib(process.shared),
                kib(process.blocks),
                process.placement.space().to_string(),
                process.placement.why().to_string(),
                process.name.to_string(),
            ]);
        }
        self.print(&table);
        Ok(())
    }

    /// Whether another shell runs that was there before this one: it is the one that started it.
    pub(crate) fn is_second(&mut self) -> bool {
        let Ok(processes) = self.processes() else { return false };
        processes.iter().filter(|process| process.name.as_str() == env!("CARGO_PKG_NAME")).count() > 1
    }

    pub(super) fn channels(&mut self) -> Result<(), Failure> {
        let channels = self.services.system.request(|system| {
            let ClientListingChannels::ChannelList { channels, next } = system.channels().receive()?;
            Ok((next, channels))
        })?;
        let mut table = Table::new([
            ("ID", Align::Right),
            ("CONTRACT", Align::Left),
            ("STATE", Align::Left),
            ("CLIENT", Align::Left),
            ("SERVER", Align::Left),
            ("MESSAGES", Align::Right),
        ]);
        for channel in channels.iter() {
            table.row([
                channel.id.to_string(),
                channel.contract.to_string(),
                channel.state.to_string(),
                channel.client.to_string(),
                channel.server.to_string(),
                channel.messages.to_string(),
            ]);
        }
        self.print(&table);
        Ok(())
    }

    pub(super) fn blocks(&mut self) -> Result<(), Failure> {
        let (sums, totals) = self.services.system.request(|system| {
            let ClientSumming::BlockSums { sums, totals, next } = system.blocks().receive()?;
            Ok((next, (sums, totals)))
        })?;
        let mut table =
            Table::new([("BLOCKS", Align::Right), ("BYTES", Align::Right), ("OWNER", Align::Left)]);
        for sum in sums.iter() {
            table.row([sum.blocks.to_string(), sum.bytes.to_string(), sum.owner.to_string()]);
        }
        table.row([totals.blocks.to_string(), totals.bytes.to_string(), "total".to_string()]);
        self.print(&table);
        self.say(format_args!("mapped for them: {}", kib(totals.mapped)));
        self.say(format_args!("moved so far: {} blocks, {} bytes", totals.blocks_moved, totals.bytes_moved));
        self.say(format_args!("copied so far: {} bytes", totals.bytes_copied));
        self.say(format_args!("hand-offs so far: {}", totals.hand_offs));
        Ok(())
    }

    pub(super) fn services(&mut self) -> Result<(), Failure> {
        let services = self.services.directory.request(|directory| {
            let ClientListingNames::Names { services, next } = directory.list().receive()?;
            Ok((next, services))
        })?;
        let mut table = Table::new([
            ("ID", Align::Right),
            ("PROCESS", Align::Right),
            ("CONTRACT", Align::Left),
            ("NAME", Align::Left),
        ]);
        for service in services.iter() {
            table.row([
                service.id.to_string(),
                service.sip.to_string(),
                service.contract.to_string(),
                service.name.to_string(),
            ]);
        }
        self.print(&table);
        Ok(())
    }

    pub(super) fn dmesg(&mut self) -> Result<(), Failure> {
        let text = self.services.system.request(|system| {
            let ClientReadingLog::LogText { text, next } = system.log().receive()?;
            Ok((next, text))
        })?;
        self.print_block(text)
    }

    pub(super) fn uptime(&mut self) -> Result<(), Failure> {
        let nanoseconds = self.services.system.request(|system| {
            let ClientTiming::Time { nanoseconds, next } = system.uptime().receive()?;
            Ok((next, nanoseconds))
        })?;
        let milliseconds = nanoseconds / 1_000_000;
        let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
        let seconds = format!("{}.{:03} s", rest / 1000, rest % 1000);
        match (minutes / 60, minutes % 60) {
            (0, 0) => self.say(format_args!("up {seconds}")),
            (0, minutes) => self.say(format_args!("up {minutes} min {seconds}")),
            (hours, minutes) => self.say(format_args!("up {hours} h {minutes} min {seconds}")),
        }
        Ok(())
    }

    /// Prints a text that came in a block of its own.
    pub(super) fn print_block(&mut self, text: ExBox<[u8]>) -> Result<(), Failure> {
        let length = text.len() as u64;
        self.terminal.print(text, length).map_err(|Closed| Failure::NoConsole)?;
        Ok(())
    }

    pub(super) fn print(&mut self, text: &impl core::fmt::Display) {
        use core::fmt::Write;
        // As in `say`.
        let _ = write!(self.terminal, "{text}");
    }
}

/// Bytes in KiB, rounded up.
pub(super) fn kib(bytes: u64) -> alloc::string::String {
    format!("{} KiB", bytes.div_ceil(1024))
}
