//! Waiting for several things that have nothing in common. After `04_delegation`.
//!
//! `select!` waits on endpoints of different contracts, each in a variable of its own. The arm of one that has something
//! runs and has used its endpoint up; the variables of the others keep theirs. When several have something they are taken
//! in turn.
#![forbid(unsafe_code)]

use std::thread;
use std::time::Duration;

use contracts::spec::timer::{Alarm, alarm};
use contracts::{Closed, Contract, Instant, select};

/// Reports from a sensor.
///
/// ```text
/// Resting --?Measure--> Measuring --!Value--> Resting
/// ```
#[derive(Contract)]
#[contract(start = Resting)]
pub enum Sensor {
    /// Asks for a value.
    #[client(Resting => Measuring)]
    Measure,
    /// Here it is.
    #[server(Measuring => Resting)]
    Value {
        /// In hundredths of a degree.
        value: i32,
    },
}

/// Fires when its time has come, as a timer service would.
fn ring(alarm: alarm::Server<alarm::Armed>, at: Instant) {
    contracts::time::sleep_until(at);
    alarm.fired((Instant::now() - at).as_nanos() as u64);
}

/// Measures every two milliseconds, a few times; then it breaks.
fn measure(mut server: sensor::Server<sensor::Resting>, times: i32) -> Result<(), Closed> {
    for value in 0..times {
        let sensor::ServerResting::Measure { next } = server.receive()?;
        thread::sleep(Duration::from_millis(2));
        server = next.value(2000 + value);
    }
    Ok(())
}

/// How watching a sensor ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Time,
    SensorBroken,
}

/// Reads a sensor until an alarm fires.
fn watch(sensor: sensor::Client<sensor::Resting>, alarm: alarm::Client<alarm::Armed>) -> (Vec<i32>, Outcome) {
    let mut values = Vec::new();
    let mut measuring = sensor.measure();
    loop {
        select! {
            message = measuring => match message {
                Ok(sensor::ClientMeasuring::Value { value, next }) => {
                    values.push(value);
                    measuring = next.measure();
                }
                // The other end is gone; the alarm is untouched, and here dropped, which cancels it.
                Err(Closed) => return (values, Outcome::SensorBroken),
            },
            message = alarm => {
                let late = message.map(|alarm::ClientArmed::Fired { late }| late);
                println!("the alarm was {late:?} nanoseconds late");
                return (values, Outcome::Time);
            }
        }
    }
}

fn main() {
    // A sensor that outlives the alarm, and an alarm that would have outlived the sensor.
    for (times, patience, outcome) in [(1000, 20, Outcome::Time), (3, 10_000, Outcome::SensorBroken)] {
        let (client, server) = Sensor::channel().expect("memory for a channel");
        let (alarm, end) = Alarm::channel().expect("memory for a channel");
        let sensor = thread::spawn(move || measure(server, times));
        let at = Instant::now() + Duration::from_millis(patience);
        // Nobody waits for this thread: an alarm that fires for nobody does no harm.
        thread::spawn(move || ring(end, at));
        let (values, ended) = watch(client, alarm);
        println!("{} values, then {ended:?}", values.len());
        assert_eq!(ended, outcome);
        assert!(values.iter().zip(2000..).all(|(value, expected)| *value == expected));
        let broke = sensor.join().expect("no panic");
        assert_eq!(broke.is_ok(), outcome == Outcome::SensorBroken);
    }
}

#[test]
fn it_runs() {
    main();
}
