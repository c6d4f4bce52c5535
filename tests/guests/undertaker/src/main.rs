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
use contracts::spec::supervisor::Supervisor;
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
mod heirs;
mod limits;
mod office;
mod orders;
mod restarts;
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
    uses: {
        archive: Archive,
        directory: Directory,
        injector: Injector,
        probe: Probe,
        supervisor: Supervisor,
        system: System,
    },
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
        grants.supervisor,
    );
    // Until all that was started at boot is at rest; and its own heap has what it will ever need.
    office.rest();
    drop(Vec::<u8>::with_capacity(OWN_BYTES));
    let outcome = match see_off(&mut office, &orders) {
        Ok(()) => Outcome::Success,
        Err((trouble, line)) => {
            rt::log!("fact failed {trouble} ({line})");
            Outcome::Failure
        }
    };
    office.shutdown(outcome);
    Ok(())
}

/// Carries out all orders, and finds that nothing is left in the end. If it fails, also says over which.
fn see_off<'a>(office: &mut Office, orders: &'a str) -> Result<(), (Trouble, &'a str)> {
    let outside = |trouble| (trouble, "");
    warm_up(office).map_err(outside)?;
    let before = office.sums().map_err(outside)?;
    for line in orders.lines() {
        carry_out(office, &Order::new(line)).map_err(|trouble| (trouble, line))?;
    }
    let after = balance::mourn(office, &before).map_err(outside)?;
    if after == before {
        return Ok(());
    }
    rt::log!("before: {before:?}");
    rt::log!("after:  {after:?}");
    Err(outside(Trouble::Wrong("something is left in the end")))
}

/// Has everybody who is asked later make the room that is then kept.
fn warm_up(office: &mut Office) -> Result<(), Trouble> {
    restarts::are_over(office)?;
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
        "heirs" => heirs::run(office, order),
        "limits" => limits::run(office, order),
        "restarts" => restarts::run(office, order),
        "shop" => shop::run(office, order),
        "turns" => turns::run(office, order),
        "upkeep" => upkeep::run(office, order),
        "plant" => office.plant(order.number("bug")? as usize),
        "" => Ok(()),
        _ => Err(orders::BAD),
    }
}
