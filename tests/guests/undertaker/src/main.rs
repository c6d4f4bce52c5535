//! Starts processes and has them end at every point of what they do, and finds each time that nothing is left of them and
//! that nobody else noticed more than a closed channel. What it does is in the file `campaign` of the boot archive, a line
//! each; what came of it, in lines `fact KIND KEY=VALUE...` in the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use contracts::spec::archive::Archive;
use contracts::spec::injector::Injector;
use contracts::spec::probe::Probe;
use contracts::spec::system::{Outcome, System};
use trial::desk::Desk;
use trial::trouble::Trouble;

mod balance;
mod bystanders;
mod crashes;
mod cycles;
mod deaths;
mod famine;
mod funerals;
mod office;
mod orders;
mod states;
mod strikes;

use office::Office;
use orders::Order;

rt::manifest! {
    main: main,
    provides: { desk: Desk },
    uses: { archive: Archive, injector: Injector, probe: Probe, system: System },
    memory: 32 << 20,
    priority: 20,
}

fn main(grants: Grants) -> Result<(), Trouble> {
    let orders = orders::read(grants.archive)?;
    let mut office =
        Office::new(grants.desk, (grants.system, grants.ports.system), grants.probe, grants.injector);
    // Until all that was started at boot is at rest.
    office.rest();
    let mut outcome = Outcome::Success;
    let before = office.sums()?;
    for line in orders.lines() {
        if let Err(trouble) = carry_out(&mut office, &Order::new(line)) {
            rt::log!("fact failed {trouble} ({line})");
            outcome = Outcome::Failure;
            break;
        }
    }
    let (frames, heap) = office.sums()?.lost_since(&before);
    rt::log!("fact balance frames={frames} heap={heap}");
    office.shutdown(outcome);
    Ok(())
}

fn carry_out(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    match order.what() {
        "states" => states::run(office, order),
        "strikes" => strikes::run(office, order),
        "walks" => strikes::run_walks(office, order),
        "deaths" => deaths::run(office, order),
        "cycles" => cycles::run(office, order),
        "crashes" => crashes::run(office, order),
        "famine" => famine::run(office, order),
        "funerals" => funerals::run(office, order),
        "plant" => office.plant(order.number("bug")? as usize),
        "" => Ok(()),
        _ => Err(orders::BAD),
    }
}
