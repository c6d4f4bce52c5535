//! Starts processes and has them end at every point of what they do, and finds each time that nothing is left of them and
//! that nobody else noticed more than a closed channel. What it does is in the file `campaign` of the boot archive, a line
//! each; what came of it, in lines `fact KIND KEY=VALUE...` in the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use contracts::spec::archive::Archive;
use contracts::spec::directory::Directory;
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
mod limits;
mod office;
mod orders;
mod shop;
mod states;
mod strikes;
mod turns;
mod upkeep;
mod ways;

use balance::Score;
use office::Office;
use orders::Order;

rt::manifest! {
    main: main,
    provides: { desk: Desk },
    uses: { archive: Archive, directory: Directory, injector: Injector, probe: Probe, system: System },
    memory: 32 << 20,
    priority: 20,
}

/// Bytes of private memory that it uses at most.
const OWN_BYTES: usize = 8 << 20;

fn main(grants: Grants) -> Result<(), Trouble> {
    let (archive, orders) = orders::read(grants.archive)?;
    let mut office = Office::new(
        grants.desk,
        archive,
        grants.directory,
        (grants.system, grants.ports.system),
        grants.probe,
        grants.injector,
    );
    // Until all that was started at boot is at rest; and its own heap has what it will ever need.
    office.rest();
    drop(Vec::<u8>::with_capacity(OWN_BYTES));
    warm_up(&mut office)?;
    let mut outcome = Outcome::Success;
    let before = office.sums()?;
    for line in orders.lines() {
        if let Err(trouble) = carry_out(&mut office, &Order::new(line)) {
            rt::log!("fact failed {trouble} ({line})");
            outcome = Outcome::Failure;
            break;
        }
    }
    let after = balance::mourn(&mut office, &before)?;
    if outcome == Outcome::Success && after != before {
        rt::log!("fact failed something is left in the end");
        rt::log!("before: {before:?}");
        rt::log!("after:  {after:?}");
        outcome = Outcome::Failure;
    }
    office.shutdown(outcome);
    Ok(())
}

/// Has everybody who is asked later make the room that is then kept.
fn warm_up(office: &mut Office) -> Result<(), Trouble> {
    crashes::take_over(office)?;
    office.sums()?;
    for name in ["victim", "faulty", "hostile", "modest", "inmate"] {
        let patient = office.start(name, "")?;
        office.end_of(patient)?;
    }
    // A victim without an order has not reported.
    office.dismiss();
    shop::close(office, &mut Score::default())?;
    office.hears_at_length()?;
    office.rest();
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
        "limits" => limits::run(office, order),
        "shop" => shop::run(office, order),
        "turns" => turns::run(office, order),
        "upkeep" => upkeep::run(office, order),
        "plant" => office.plant(order.number("bug")? as usize),
        "" => Ok(()),
        _ => Err(orders::BAD),
    }
}
