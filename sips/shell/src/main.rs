//! The process `shell`: where a person types commands.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::Exhausted;
use contracts::spec::archive::Archive;
use contracts::spec::console::Console;
use contracts::spec::count::Count;
use contracts::spec::digest::Digest;
use contracts::spec::directory::Directory;
use contracts::spec::ping::Pinger;
use contracts::spec::system::System;
use rt::terminal::Terminal;
use shell::{Failed, Services, Shell};

rt::manifest! {
    main: main,
    uses: {
        console: Console,
        archive: Archive,
        count: Count,
        digest: Digest,
        ping: Pinger,
        directory: Directory,
        system: System,
    },
}

fn main(grants: Grants) -> Result<(), Failed> {
    let terminal = Terminal::new(grants.console).map_err(|Exhausted| Failed)?;
    let services = Services::new(
        grants.directory,
        grants.archive,
        grants.count,
        grants.digest,
        grants.ping,
        grants.system,
    );
    Shell::new(terminal, services).run(grants.argument)
}
