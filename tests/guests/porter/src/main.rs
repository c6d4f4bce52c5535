//! Hears the first message of each session and hands the session to the assistant, who serves it from then on.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::Closed;
use trial::assist::{Assist, assist};
use trial::tally::{RichTally, rich_tally};

rt::manifest! {
    main: main,
    provides: { porter: RichTally },
    uses: { assistant: Assist },
    priority: trial::assist::PRIORITY,
}

fn main(grants: Grants) -> Result<(), Closed> {
    let mut arriving = grants.porter.clients::<()>();
    let mut assistant = grants.assistant;
    loop {
        // Who leaves without a word is none to be served.
        let Ok(rich_tally::ServerStart::Open { sum, next: session }) = arriving.receive().received else {
            continue;
        };
        let assist::ClientBusy::Done { next } = assistant.serve(session, sum).receive()?;
        assistant = next;
    }
}
