//! The commands.

use alloc::string::String;
use core::fmt::Write;

use crate::failure::Failure;
use crate::{PROMPT, Shell};

mod files;
mod look;
mod start;

pub(crate) use start::Jobs;

/// How each command is called, and what it does.
const HELP: &[(&str, &str)] = &[
    ("help", "list the commands"),
    ("ls", "list the files of the boot archive"),
    ("cat FILE", "print a file"),
    ("wc FILE", "count lines, words and bytes"),
    ("sha256 FILE", "print the SHA-256 sum of a file"),
    ("run NAME [ARGUMENT]", "start the process sips/NAME, or the file NAME, and wait for its end"),
    ("ping N", "measure N round trips between two processes"),
    ("ps", "list the processes"),
    ("channels", "list the channels"),
    ("blocks", "sum up the exchange heap by owner"),
    ("services", "list the services"),
    ("dmesg", "print the kernel's log"),
    ("uptime", "print the time since the start"),
    ("shutdown", "end the system, as does Ctrl-D"),
];

impl Shell {
    /// Runs a command.
    pub(crate) fn command(&mut self, name: &str, operands: &[String]) -> Result<(), Failure> {
        match (name, operands) {
            ("help", []) => self.help(),
            ("ls", []) => self.ls(),
            ("cat", [file]) => self.cat(file),
            ("wc", [file]) => self.wc(file),
            ("sha256", [file]) => self.sha256(file),
            ("run", [file, argument @ ..]) => self.start(file, &argument.join(" ")),
            ("ping", [rounds]) => self.ping(rounds),
            ("ps", []) => self.ps(),
            ("channels", []) => self.channels(),
            ("blocks", []) => self.blocks(),
            ("services", []) => self.services(),
            ("dmesg", []) => self.dmesg(),
            ("uptime", []) => self.uptime(),
            _ => match HELP.iter().find(|(usage, _)| usage.split(' ').next() == Some(name)) {
                Some((usage, _)) => Err(Failure::Usage(usage)),
                None => Err(Failure::Unknown),
            },
        }
    }

    fn help(&mut self) -> Result<(), Failure> {
        for (usage, effect) in HELP {
            self.say(format_args!("{usage:20} {effect}"));
        }
        let _ = writeln!(
            self.terminal,
            "\nA ';' separates commands; '...' and \"...\" keep spaces and ';' in one word.\n\
             Ctrl-C stops a command. The arrow keys edit the line behind '{}' and bring back earlier ones.",
            PROMPT.trim_end()
        );
        Ok(())
    }
}
