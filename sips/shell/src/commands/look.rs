//! Commands that look at the system.

use alloc::format;
use alloc::string::ToString;

use contracts::Closed;
use contracts::spec::system::ProcessState;
use contracts::spec::system::system::{
    Client, ClientListing, ClientListingChannels, ClientReadingLog, ClientSumming, ClientTiming, Ready,
};

use crate::Shell;
use crate::failure::Failure;
use crate::table::{Align, Table};

const GONE: Failure = Failure::Gone("system");

fn gone(_: Closed) -> Failure {
    GONE
}

impl Shell {
    fn system(&mut self) -> Result<Client<Ready>, Failure> {
        Ok(self.services.system.take(&mut self.services.directory)?)
    }

    pub(super) fn ps(&mut self) -> Result<(), Failure> {
        let ClientListing::ProcessList { processes, next } =
            self.system()?.processes().receive().map_err(gone)?;
        self.services.system.put(next);
        let mut table = Table::new([
            ("ID", Align::Right),
            ("STATE", Align::Left),
            ("PRIORITY", Align::Right),
            ("THREADS", Align::Right),
            ("MEMORY", Align::Right),
            ("SHARED", Align::Right),
            ("BLOCKS", Align::Right),
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
                process.name.to_string(),
            ]);
        }
        self.print(&table);
        Ok(())
    }

    /// Whether another shell runs that was there before this one: it is the one that started it.
    pub(crate) fn is_second(&mut self) -> bool {
        let Ok(Ok(ClientListing::ProcessList { processes, next })) =
            self.system().map(|system| system.processes().receive())
        else {
            return false;
        };
        self.services.system.put(next);
        processes.iter().filter(|process| process.name.as_str() == env!("CARGO_PKG_NAME")).count() > 1
    }

    pub(super) fn channels(&mut self) -> Result<(), Failure> {
        let ClientListingChannels::ChannelList { channels, next } =
            self.system()?.channels().receive().map_err(gone)?;
        self.services.system.put(next);
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
        let ClientSumming::BlockSums { sums, totals, next } =
            self.system()?.blocks().receive().map_err(gone)?;
        self.services.system.put(next);
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
        let services = self.services.directory.list()?;
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
        let ClientReadingLog::LogText { text, next } = self.system()?.log().receive().map_err(gone)?;
        self.services.system.put(next);
        let length = text.len() as u64;
        self.terminal.print(text, length).map_err(|Closed| Failure::NoConsole)?;
        Ok(())
    }

    pub(super) fn uptime(&mut self) -> Result<(), Failure> {
        let ClientTiming::Time { nanoseconds, next } = self.system()?.uptime().receive().map_err(gone)?;
        self.services.system.put(next);
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

    fn print(&mut self, text: &impl core::fmt::Display) {
        use core::fmt::Write;
        // As in `say`.
        let _ = write!(self.terminal, "{text}");
    }
}

/// Bytes in KiB, rounded up.
fn kib(bytes: u64) -> alloc::string::String {
    format!("{} KiB", bytes.div_ceil(1024))
}
