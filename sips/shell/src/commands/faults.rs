//! Commands that end processes, start them again, and tell how they ended.

use alloc::format;
use alloc::string::ToString;

use contracts::Name;
use contracts::spec::supervisor::supervisor::ClientRestarting;
use contracts::spec::system::system::{ClientKilling, ClientListingFaults, ClientReadingFault};

use super::number;
use crate::Shell;
use crate::failure::{Failure, Shown};
use crate::table::{Align, Table};

impl Shell {
    pub(super) fn kill(&mut self, process: &str) -> Result<(), Failure> {
        let sip: u32 = number(process, "the number of a process")?;
        let found = self.services.system.request(|system| {
            Ok(match system.kill(sip).receive()? {
                ClientKilling::Killed { next } => (next, true),
                ClientKilling::NoSuchProcess { next } => (next, false),
            })
        })?;
        match found {
            true => Ok(()),
            false => Err(Failure::About(process.into(), "no such process".into())),
        }
    }

    pub(super) fn restart(&mut self, name: &str) -> Result<(), Failure> {
        // No process has a name that is too long for one.
        let service = Name::truncated(name);
        let restarted = self.services.supervisor.request(|supervisor| {
            Ok(match supervisor.restart(service).receive()? {
                ClientRestarting::Restarted { sip, next } => (next, Ok(sip)),
                ClientRestarting::NotRestarted { reason, next } => (next, Err(reason)),
            })
        })?;
        let sip = restarted.map_err(|reason| Failure::About(name.into(), reason.to_string()))?;
        self.say(format_args!("{} runs as {sip}", Shown(name)));
        Ok(())
    }

    pub(super) fn faults(&mut self) -> Result<(), Failure> {
        let faults = self.services.system.request(|system| {
            let ClientListingFaults::FaultList { faults, next } = system.faults().receive()?;
            Ok((next, faults))
        })?;
        let mut table = Table::new([
            ("FAULT", Align::Right),
            ("TIME", Align::Right),
            ("PROCESS", Align::Left),
            ("WHAT", Align::Left),
        ]);
        for fault in faults.iter() {
            let milliseconds = fault.at / 1_000_000;
            table.row([
                fault.number.to_string(),
                format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000),
                format!("{} ({})", fault.name, fault.sip),
                format!("{}", Shown(&fault.exit.saying(&fault.message).to_string())),
            ]);
        }
        self.print(&table);
        Ok(())
    }

    pub(super) fn fault(&mut self, number_text: &str) -> Result<(), Failure> {
        let number = number(number_text, "the number of a fault")?;
        let text = self.services.system.request(|system| {
            Ok(match system.fault(number).receive()? {
                ClientReadingFault::FaultText { text, next } => (next, Some(text)),
                ClientReadingFault::NoSuchFault { next } => (next, None),
            })
        })?;
        match text {
            Some(text) => self.print_block(text),
            None => Err(Failure::About(number_text.into(), "there is no record of such a fault".into())),
        }
    }
}
