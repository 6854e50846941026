//! The table `deliveries`: one row for each user and backend, replaced in place.

use portraitd_reconcile::{
    AttemptState, Attempted, BackendId, Doubt, Fingerprint, Holds, Recorded, Target, Time, UserId, Verdict,
    Verification, Warned,
};
use rusqlite::{Connection, params};

use super::{Fields, after_ms, select, texts_json};
use crate::error::{Corruption, Unreadable};

pub(super) fn put(
    connection: &Connection,
    user: &UserId,
    backend: &BackendId,
    recorded: &Recorded,
) -> rusqlite::Result<()> {
    const SQL: &str = "REPLACE INTO deliveries
        (user, backend, holds, fingerprint, receipt, target, target_fingerprint, count, since, begun,
         verdict, after_ms, reason, next, doubt_until, doubt_target, doubt_fingerprint, remote, seen, verify_due, missed,
         warned_of, warnings)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";
    let (holds, fingerprint, receipt) = match &recorded.holds {
        Holds::Nothing => ("nothing", None, None),
        Holds::Exactly { fingerprint, receipt } => ("exactly", Some(*fingerprint.as_bytes()), receipt.as_deref()),
        Holds::Unsure { receipt } => ("unsure", None, receipt.as_deref()),
    };
    let attempted = recorded.attempted.as_ref();
    let (target, target_fingerprint) = attempted.map(|attempted| target_columns(attempted.target)).unzip();
    let failure = recorded.failure();
    let doubt = recorded.doubt.as_ref();
    let (doubt_target, doubt_fingerprint) = doubt.map(|doubt| doubt_columns(doubt.target)).unzip();
    let verification = recorded.verification.as_deref();
    let warned = recorded.warned.as_deref();
    connection.prepare_cached(SQL)?.execute(params![
        user.as_str(),
        backend.as_str(),
        holds,
        fingerprint,
        receipt,
        target,
        target_fingerprint.flatten(),
        attempted.map(|attempted| attempted.count),
        attempted.map(|attempted| attempted.since.as_millis()),
        attempted.and_then(|attempted| begun(attempted)),
        failure.map(|(verdict, ..)| verdict.word()),
        failure.and_then(|(verdict, ..)| after_ms(verdict)),
        failure.map(|(_, reason, _)| reason),
        failure.map(|(.., next)| next.as_millis()),
        doubt.map(|doubt| doubt.until.as_millis()),
        doubt_target,
        doubt_fingerprint.flatten(),
        recorded.remote.as_deref(),
        verification.and_then(|verification| verification.seen).map(Time::as_millis),
        verification.and_then(|verification| verification.due).map(Time::as_millis),
        verification.map(|verification| verification.missed),
        warned.map(|warned| *warned.fingerprint.as_bytes()),
        warned.map(|warned| texts_json(&warned.warnings)),
    ])?;
    Ok(())
}

const fn target_columns(target: Target) -> (&'static str, Option<[u8; 32]>) {
    match target {
        Target::Photo(fingerprint) => ("photo", Some(*fingerprint.as_bytes())),
        Target::Removal => ("removal", None),
    }
}

const fn doubt_columns(target: Option<Target>) -> (&'static str, Option<[u8; 32]>) {
    match target {
        Some(target) => target_columns(target),
        None => ("several", None),
    }
}

const fn begun(attempted: &Attempted) -> Option<i64> {
    match attempted.state {
        AttemptState::Begun { at } => Some(at.as_millis()),
        AttemptState::Failed { .. } => None,
    }
}

pub(super) fn all(connection: &Connection) -> Result<Vec<(UserId, BackendId, Recorded)>, Unreadable> {
    const SQL: &str =
        "SELECT user, backend, holds, fingerprint, receipt, target, target_fingerprint, count, since, begun,
        verdict, after_ms, reason, next, doubt_until, doubt_target, doubt_fingerprint, remote, seen, verify_due, missed,
        warned_of, warnings
        FROM deliveries ORDER BY user, backend";
    select(connection, "deliveries", SQL, [], |fields| {
        let (user, backend) = (fields.id("user", UserId::parse)?, fields.id("backend", BackendId::parse)?);
        let (holds, attempted) = (holds(fields)?, attempted(fields)?.map(Box::new));
        let doubt = doubt(fields)?.map(Box::new);
        let (remote, verification) = (fields.optional_text("remote")?.map(Box::from), verification(fields)?);
        let (verification, warned) = (verification.map(Box::new), warned(fields)?.map(Box::new));
        Ok((user, backend, Recorded { holds, attempted, doubt, remote, verification, warned }))
    })
}

fn holds(fields: &mut Fields<'_>) -> Result<Holds, Corruption> {
    let word = fields.text("holds")?;
    let fingerprint = fields.take::<Option<[u8; 32]>>("fingerprint")?.map(Fingerprint::from_bytes);
    let receipt = fields.optional_text("receipt")?.map(str::to_owned);
    match word {
        "nothing" => Ok(Holds::Nothing),
        "exactly" => {
            let fingerprint = fingerprint.ok_or_else(|| fields.missing("fingerprint"))?;
            Ok(Holds::Exactly { fingerprint, receipt })
        }
        "unsure" => Ok(Holds::Unsure { receipt }),
        _ => Err(fields.unknown("holds", word)),
    }
}

fn attempted(fields: &mut Fields<'_>) -> Result<Option<Attempted>, Corruption> {
    let target = target(fields)?;
    let (count, since): (Option<u32>, _) = (fields.take("count")?, fields.optional_time("since")?);
    let state = state(fields);
    let Some(target) = target else { return Ok(None) };
    Ok(Some(Attempted {
        target,
        count: count.ok_or_else(|| fields.missing("count"))?,
        since: since.ok_or_else(|| fields.missing("since"))?,
        state: state?,
    }))
}

fn target(fields: &mut Fields<'_>) -> Result<Option<Target>, Corruption> {
    let columns = ("target", "target_fingerprint");
    let (word, fingerprint) = target_words(fields, columns)?;
    word.map(|word| target_of(fields, columns, word, fingerprint)).transpose()
}

fn doubt(fields: &mut Fields<'_>) -> Result<Option<Doubt>, Corruption> {
    let columns = ("doubt_target", "doubt_fingerprint");
    let until = fields.optional_time("doubt_until")?;
    let (word, fingerprint) = target_words(fields, columns)?;
    let Some(until) = until else { return Ok(None) };
    let target = match word.ok_or_else(|| fields.missing("doubt_target"))? {
        "several" => None,
        word => Some(target_of(fields, columns, word, fingerprint)?),
    };
    Ok(Some(Doubt { target, until }))
}

fn verification(fields: &mut Fields<'_>) -> Result<Option<Verification>, Corruption> {
    let (seen, due) = (fields.optional_time("seen")?, fields.optional_time("verify_due")?);
    let missed: Option<u32> = fields.take("missed")?;
    Ok(missed.map(|missed| Verification { seen, due, missed }))
}

fn warned(fields: &mut Fields<'_>) -> Result<Option<Warned>, Corruption> {
    let fingerprint = fields.take::<Option<[u8; 32]>>("warned_of")?.map(Fingerprint::from_bytes);
    let warnings = fields.optional_texts("warnings")?;
    let Some(fingerprint) = fingerprint else { return Ok(None) };
    let warnings = warnings.ok_or_else(|| fields.missing("warnings"))?;
    Ok(Some(Warned { fingerprint, warnings: warnings.into_iter().collect() }))
}

/// The names of a target's two columns.
type Columns = (&'static str, &'static str);

fn target_words<'r>(
    fields: &mut Fields<'r>,
    columns: Columns,
) -> Result<(Option<&'r str>, Option<Fingerprint>), Corruption> {
    let word = fields.optional_text(columns.0)?;
    Ok((word, fields.take::<Option<[u8; 32]>>(columns.1)?.map(Fingerprint::from_bytes)))
}

fn target_of(
    fields: &Fields<'_>,
    columns: Columns,
    word: &str,
    fingerprint: Option<Fingerprint>,
) -> Result<Target, Corruption> {
    match word {
        "photo" => fingerprint.map(Target::Photo).ok_or_else(|| fields.missing(columns.1)),
        "removal" => Ok(Target::Removal),
        word => Err(fields.unknown(columns.0, word)),
    }
}

fn state(fields: &mut Fields<'_>) -> Result<AttemptState, Corruption> {
    let begun = fields.optional_time("begun")?;
    let failed = failed(fields);
    begun.map_or(failed, |at| Ok(AttemptState::Begun { at }))
}

fn failed(fields: &mut Fields<'_>) -> Result<AttemptState, Corruption> {
    let verdict: Option<Verdict> = fields.verdict()?;
    let reason = fields.optional_text("reason")?.map(str::to_owned);
    let next: Option<Time> = fields.optional_time("next")?;
    Ok(AttemptState::Failed {
        verdict: verdict.ok_or_else(|| fields.missing("verdict"))?,
        reason: reason.ok_or_else(|| fields.missing("reason"))?,
        next: next.ok_or_else(|| fields.missing("next"))?,
    })
}
