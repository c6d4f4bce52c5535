//! Answers questions.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use trial::quiz::{Quiz, serve};

rt::manifest! {
    main: main,
    provides: { oracle: Quiz },
}

fn main(grants: Grants) {
    serve(grants.oracle.clients())
}
