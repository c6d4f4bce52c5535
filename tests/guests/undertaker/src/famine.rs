//! Memory runs out at every point at which it is asked for, for a process or for the kernel.

use contracts::Side;
use contracts::spec::injector::Famine;
use contracts::spec::system::Exit;
use trial::scenes::{Scene, Tally};
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::bystanders::Bystanders;
use crate::office::{Office, Opposite, Patient};
use crate::orders::{BAD, Order};

/// What came of it that memory was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It was not asked for so often.
    NotRefused,
    /// There was another way.
    Managed,
    /// Who wanted it was told, by an error of a type.
    Told,
    /// The process died of it.
    Died,
}

/// `famine who=sip|kernel how=once|lasting|drained last=N step=N`: memory is refused at the first time that it is asked for, at the
/// first after `step` more, and so on, up to `last` or to the number of times that it is asked for. Or it is not refused then, but
/// drained: what follows finds the kernel's reserve, and nothing else.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let (who, how) = (order.text("who")?, order.text("how")?);
    let famine = match how {
        "once" => Famine::Once,
        "lasting" => Famine::Lasting,
        "drained" => Famine::Drained,
        _ => return Err(BAD),
    };
    let (last, step) = (order.number("last")?, order.number("step")?.max(1));
    let bystanders = Bystanders::begin(office, 0)?;
    let mut total = Score::default();
    let (mut managed, mut told, mut died) = (0, 0, 0);
    let mut after = 0;
    while after < last {
        let mut score = Score::default();
        let outcome = settles(office, &mut score, |office, score| match who {
            "sip" => starve_process(office, score, after, famine),
            "kernel" if famine == Famine::Drained => drain_kernel(office, score, after),
            "kernel" => starve_kernel(office, score, after, famine),
            _ => Err(BAD),
        });
        let count = match outcome.inspect_err(|_| rt::log!("after {after}"))? {
            Outcome::NotRefused => break,
            Outcome::Managed => &mut managed,
            Outcome::Told => &mut told,
            Outcome::Died => &mut died,
        };
        *count += 1;
        total.injected += score.injected;
        total.detected += score.detected;
        total.recovered += score.recovered;
        after += step;
    }
    bystanders.end(office)?;
    let Score { injected, detected, recovered } = total;
    rt::log!(
        "fact famine who={who} how={how} injected={injected} detected={detected} recovered={recovered} managed={managed} \
         told={told} died={died}"
    );
    Ok(())
}

/// A process takes memory of every kind. Its peer and the bystanders have all that they need.
fn starve_process(
    office: &mut Office,
    score: &mut Score,
    after: u64,
    famine: Famine,
) -> Result<Outcome, Trouble> {
    let scene = Scene::named("larder").ok_or(BAD)?;
    let patient = office.start_victim("scene larder client")?;
    let mut opposite = Opposite::of(office.pose()?);
    office.starve(patient.sip, after, famine)?;
    score.injected += 1;
    let mut tally = Tally { patience: Some(Office::soon()), received: 0 };
    match scene.play(Side::Server, &mut opposite, &mut tally) {
        Ok(()) | Err(Trouble::Closed) => {}
        Err(trouble) => return Err(trouble),
    }
    let is_done = opposite.done().is_ok();
    drop(opposite);
    let exit = office.end_of(patient)?;
    let outcome = match (office.feed()?, exit) {
        (0, Exit::Success) if is_done => Outcome::NotRefused,
        (1.., Exit::Success) if is_done => Outcome::Managed,
        (1.., Exit::Failure) => Outcome::Told,
        (1.., Exit::Panic) => Outcome::Died,
        _ => return Err(Trouble::Wrong("a process did not end as one does that has no memory")),
    };
    score.detected += 1;
    Ok(outcome)
}

/// The kernel is asked for what takes memory of its own, and in the midst of it has only its reserve left. Processes have nothing
/// either, until it is through with that.
fn drain_kernel(office: &mut Office, score: &mut Score, after: u64) -> Result<Outcome, Trouble> {
    let scene = Scene::named("numbers").ok_or(BAD)?;
    let mut left = after;
    let mut is_drained = false;
    let mut feed = |office: &mut Office| -> Result<(), Trouble> {
        let (asked, drained) = office.feed_counting()?;
        office.find_system();
        is_drained |= drained > 0;
        left = left.saturating_sub(asked);
        if is_drained { Ok(()) } else { office.starve(0, left, Famine::Drained) }
    };
    office.starve(0, after, Famine::Drained)?;
    score.injected += 1;
    let started = office.try_start("victim", "scene numbers client")?;
    feed(office)?;
    let mut is_told = started.is_none();
    for question in Office::QUESTIONS {
        is_told |= !office.hears(question)?;
        feed(office)?;
    }
    match started {
        None => office.dismiss(),
        Some(patient) => see_through(office, scene, patient)?,
    }
    office.feed()?;
    score.detected += 1;
    Ok(match (is_drained, is_told) {
        (false, false) => Outcome::NotRefused,
        (true, false) => Outcome::Managed,
        (true, true) => Outcome::Told,
        (false, true) => return Err(Trouble::Wrong("the kernel says that it has no memory, and has some")),
    })
}

/// Plays a process's scene with it to the end, which is a success whatever the kernel had not.
fn see_through(office: &mut Office, scene: &Scene, patient: Patient) -> Result<(), Trouble> {
    let mut opposite = Opposite::of(office.pose()?);
    let mut tally = Tally { patience: Some(Office::soon()), received: 0 };
    match scene.play(Side::Server, &mut opposite, &mut tally) {
        Ok(()) | Err(Trouble::Closed) => {}
        Err(trouble) => return Err(trouble),
    }
    opposite.done()?;
    match office.end_of(patient)? {
        Exit::Success => Ok(()),
        _ => Err(Trouble::Wrong("a process suffered from what the kernel had not")),
    }
}

/// The kernel is asked for what takes memory of its own. Processes have all that they need.
fn starve_kernel(
    office: &mut Office,
    score: &mut Score,
    after: u64,
    famine: Famine,
) -> Result<Outcome, Trouble> {
    let scene = Scene::named("numbers").ok_or(BAD)?;
    office.starve(0, after, famine)?;
    score.injected += 1;
    let started = office.try_start("victim", "scene numbers client")?;
    let is_answered = office.hears_at_length()?;
    if started.is_none() {
        office.dismiss();
    }
    let is_told = started.is_none() || !is_answered;
    if let Some(patient) = started {
        see_through(office, scene, patient)?;
    }
    let outcome = match (office.feed()?, is_told) {
        (0, false) => Outcome::NotRefused,
        (1.., false) => Outcome::Managed,
        (1.., true) => Outcome::Told,
        (0, true) => return Err(Trouble::Wrong("the kernel says that it has no memory, and has some")),
    };
    score.detected += 1;
    Ok(outcome)
}
