//! Sends back what comes; see `payer`. Each size of payload is a service, which has a thread.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use rt::thread::{SpawnError, spawn};
use trial::toll::{Pages, Words0, Words8, Words10, Words64};

rt::manifest! {
    main: main,
    provides: { words0: Words0, words8: Words8, words10: Words10, words64: Words64, pages: Pages },
    threads: 5,
}

fn main(grants: Grants) -> Result<(), SpawnError> {
    spawn(|| Words8::serve(grants.words8.clients()))?;
    spawn(|| Words10::serve(grants.words10.clients()))?;
    spawn(|| Words64::serve(grants.words64.clients()))?;
    spawn(|| Pages::serve(grants.pages.clients()))?;
    Words0::serve(grants.words0.clients())
}
