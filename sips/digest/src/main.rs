//! The process `digest`: SHA-256.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::digest::Digest;

rt::manifest! {
    main: main,
    provides: { digest: Digest },
}

fn main(grants: Grants) {
    digest::serve(grants.digest.clients())
}
