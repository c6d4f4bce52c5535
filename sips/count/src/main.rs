//! The process `count`: lines, words and bytes.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::count::Count;

rt::manifest! {
    main: main,
    provides: { count: Count },
}

fn main(grants: Grants) {
    count::serve(grants.count.clients())
}
