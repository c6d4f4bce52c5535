//! The processes of the wiring, started and ended.

use core::fmt;
use core::time::Duration;

use contracts::restart::Policy;
use contracts::spec::supervisor::supervisor::{Restarting, Server};
use contracts::{Either, Instant, Name, Text};

use crate::children::Client;
use crate::history::{End, Verdict};
use crate::roster::Place;
use crate::serve::{Reader, Report, Supervisor, Tag};

impl Supervisor<'_> {
    /// Starts a process whose time has come.
    pub(crate) fn start_wired(&mut self, place: Place, now: Instant) {
        let name = Name::truncated(self.roster.name(place));
        match self.kernel.start(name, Text::EMPTY) {
            Ok((sip, end)) => {
                self.members.insert(Either::That(Either::This(end)), Tag::Wired(place));
                if self.roster.started(place, sip) > 0 {
                    (self.say)(Reader::Log, format_args!("{name} runs again, as {sip}"));
                }
                for (asker, client) in self.askers.remove(&place).into_iter().flatten() {
                    self.welcome(asker.restarted(sip), client);
                }
            }
            Err(error) => {
                let reason = Text::of(format_args!("{error}"));
                let verdict = self.roster.refused(place, reason, now);
                self.tell(place, End::Failure, format_args!("was not started: {reason}"), verdict);
                for (asker, client) in self.askers.remove(&place).into_iter().flatten() {
                    self.welcome(asker.not_restarted(reason), client);
                }
            }
        }
    }

    /// A process has ended.
    pub(crate) fn wired_ended(&mut self, place: Place, report: &Report) {
        let how = Text::of(format_args!("{report}"));
        let verdict = self.roster.ended(place, report.end(), how, Instant::now());
        self.tell(place, report.end(), format_args!("{how}"), verdict);
    }

    /// Says what became of a process, and what is done about it.
    fn tell(&mut self, place: Place, end: End, what: fmt::Arguments<'_>, verdict: Verdict) {
        let name = self.roster.name(place);
        let reader = if end == End::Success { Reader::Log } else { Reader::Terminal };
        match verdict {
            Verdict::Leave => (self.say)(reader, format_args!("{name} {what}")),
            // Who asked for it is told.
            Verdict::Restart { after: Duration::ZERO } if self.askers.contains_key(&place) => {
                (self.say)(
                    Reader::Log,
                    format_args!("{name} {what}; it is started again, as somebody asked"),
                );
            }
            Verdict::Restart { after } => {
                (self.say)(reader, format_args!("{name} {what}; it is started again in {after:?}"));
            }
            Verdict::GiveUp => {
                let Policy { give_up_after, give_up_within, .. } = self.roster.policy(place);
                (self.say)(
                    Reader::Terminal,
                    format_args!("{name} {what}; given up after {give_up_after} ends in {give_up_within:?}"),
                );
            }
        }
    }

    /// A client wants a process started again. It is answered at once if that cannot be, else when the process runs.
    pub(crate) fn restart_wired(&mut self, name: &str, asker: Server<Restarting>, client: Client) {
        let Some(place) = self.roster.find(name) else {
            let reason = Text::truncated("it is not in the system's wiring");
            return self.welcome(asker.not_restarted(reason), client);
        };
        if let Some(lack) = self.roster.lack(place) {
            let reason = Text::of(format_args!("{lack}"));
            return self.welcome(asker.not_restarted(reason), client);
        }
        self.askers.entry(place).or_default().push((asker, client));
        if let Some(sip) = self.roster.restart(place, Instant::now()) {
            self.kernel.kill(sip);
        }
    }
}
