//! `huashen batch`: a manifest of many clips, checked whole, then rendered by
//! worker processes that keep what they loaded. Whatever stops it, running it
//! again goes on where it was.

mod check;
mod crew;
mod openjd;
mod order;
mod report;
mod show;
mod worker;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use huashen_pipeline::batch::{
    Conflict, Entry, Field, FieldKind, Manifest, Place, Problem, SqliteQueue, Submission, decode,
    json_schema, nearest,
};

use self::check::Checker;
use self::order::OrderSound;
use self::report::{Report, State};
use self::show::Show;
pub use self::worker::run as work;
use crate::args::Batch;
use crate::settings::Settings;
use crate::{failure, output};

/// Manifests are read up to here.
const MAX_MANIFEST_BYTES: u64 = 1 << 30;

/// Where everything of one batch is.
pub struct Places {
    pub manifest: PathBuf,
    pub output: PathBuf,
    pub state: PathBuf,
}

/// What is to be rendered, and what is wrong.
#[derive(Default)]
struct Plan {
    jobs: Vec<Submission>,
    problems: Vec<Problem>,
    /// Of entries that cannot be rendered: a name for people, and why.
    bad: Vec<(String, String)>,
    speaks: bool,
}

pub fn run(args: &Batch, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    let Some(manifest) = args.manifest.as_deref().filter(|_| !args.schema) else {
        output::json(&json_schema())?;
        return Ok(ExitCode::SUCCESS);
    };
    let places = places(args, manifest)?;
    let mut plan = plan(args, settings, &places)?;
    conflicts(args, &places, &mut plan)?;
    plan.problems.sort();
    tell_problems(args, manifest, &plan.problems)?;
    let errors = plan.problems.iter().filter(|p| !p.warning).count();
    let shown = manifest.display();
    if args.check {
        if !args.json {
            output::line(&format!(
                "{shown}: {} can be rendered, {}",
                count(plan.jobs.len(), "clip"),
                count(errors, "error")
            ))?;
        }
        return Ok(match errors {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(failure::BAD_INPUT),
        });
    }
    let keep_going = args.keep_going && args.export_openjd.is_none();
    if errors > 0 && (!keep_going || plan.jobs.is_empty()) {
        let hint = match plan.jobs.is_empty() || args.export_openjd.is_some() {
            true => String::new(),
            false => format!(
                ", or add --keep-going to render the {} that can be",
                count(plan.jobs.len(), "clip")
            ),
        };
        let errors = count(errors, "error");
        bail!("{shown} has {errors}, so nothing was rendered: set it right{hint}");
    }
    if let Some(target) = &args.export_openjd {
        openjd::write(args, &places, plan.jobs.len(), target)?;
        output::line(&target.display().to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    // What every job needs, before the night begins.
    if plan.speaks {
        huashen_speech::voices(&huashen_core::paths::models_dir())?;
    }
    huashen_render::probe()?;
    render(args, &places, &plan, quiet)
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn places(args: &Batch, manifest: &Path) -> anyhow::Result<Places> {
    let shown = manifest.display();
    let manifest = manifest
        .canonicalize()
        .with_context(|| format!("{shown} cannot be read"))?;
    let output = match &args.output {
        Some(dir) => std::path::absolute(dir)?,
        None => manifest.with_extension(""),
    };
    if output.exists() && !output.is_dir() {
        bail!(
            "{} is no folder, so the clips cannot go there: name a folder with --output",
            output.display()
        );
    }
    let state = match &args.state {
        Some(dir) => std::path::absolute(dir)?,
        None => output.join(".huashen"),
    };
    Ok(Places {
        manifest,
        output,
        state,
    })
}

fn read_manifest(args: &Batch, path: &Path) -> anyhow::Result<Manifest> {
    let shown = args.manifest.as_deref().unwrap_or(path).display();
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    let is = |names: &[&str]| names.iter().any(|n| extension.eq_ignore_ascii_case(n));
    if is(&["xlsx", "xls", "ods", "numbers"]) {
        bail!("{shown} is a spreadsheet: save it as \"CSV UTF-8\" and name that file");
    }
    if !is(&["csv", "tsv", "txt", "yaml", "yml", "json"]) {
        bail!("{shown} is no manifest by its name: end it in .csv or .yaml");
    }
    let set = settings_for_all(&args.set)?;
    let meta = std::fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?;
    if meta.len() > MAX_MANIFEST_BYTES {
        bail!("{shown} is larger than a GiB: split it");
    }
    let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
    let decoded = decode(&bytes, args.encoding.as_deref())
        .map_err(|why| anyhow::anyhow!("{shown}: {why}"))?;
    if decoded.guessed {
        output::note(&format!(
            "{shown} is read as {}, which is a guess: name its encoding with --encoding if names \
             look wrong",
            decoded.encoding
        ));
    }
    Ok(match is(&["csv", "tsv", "txt"]) {
        true => Manifest::from_csv(&decoded.text, &set),
        false => Manifest::from_yaml(&decoded.text, &set),
    })
}

/// `--set NAME=VALUE`.
fn settings_for_all(set: &[String]) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let mut all = BTreeMap::new();
    for one in set {
        let Some((name, value)) = one.split_once('=') else {
            bail!("`--set {one}` has no value: write --set size=640x360");
        };
        match Field::by_name(name) {
            Some(field) if field.name != "audio" => {
                all.insert(field.name, value.to_owned());
            }
            _ => {
                let names = huashen_pipeline::batch::FIELDS
                    .iter()
                    .filter(|f| matches!(f.kind, FieldKind::Setting { .. } | FieldKind::Switch))
                    .map(|f| f.name);
                let near = nearest(name, names.clone());
                let known: Vec<&str> = names.collect();
                let hint = match near.first() {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("these are known: {}", known.join(", ")),
                };
                bail!("`--set {one}`: `{name}` cannot be set for all; {hint}");
            }
        }
    }
    Ok(all)
}

/// Reads and checks all of the manifest.
fn plan(args: &Batch, settings: &Settings, places: &Places) -> anyhow::Result<Plan> {
    let mut manifest = read_manifest(args, &places.manifest)?;
    if let Some(wanted) = &args.only {
        only(&mut manifest, wanted)?;
    }
    let base = places.manifest.parent().unwrap_or(Path::new("."));
    let defaults = order::parse(&[]).map_err(|e| anyhow::anyhow!("{}", e.to_string().trim()))?;
    let mut everywhere = format!("{defaults:?} {settings:?}");
    let mut plan = Plan {
        problems: manifest.problems,
        ..Plan::default()
    };
    if manifest
        .entries
        .iter()
        .any(|e| !e.settings.contains_key("avatar"))
    {
        let name = defaults
            .picture
            .avatar
            .as_deref()
            .or(settings.avatar.as_deref());
        let name = name.unwrap_or(huashen_avatar::DEFAULT_AVATAR);
        let known = Checker::new(base, String::new(), None).default_avatar(name);
        everywhere.push_str(&known?);
    }
    let mut checker = Checker::new(base, everywhere, args.encoding.as_deref());
    for entry in &manifest.entries {
        let mut problems = entry.problems.clone();
        let checked = checker.check(entry, &mut problems);
        match (checked, &entry.out) {
            (Some(checked), Some(out)) => {
                plan.speaks |= matches!(checked.order.sound, OrderSound::Script(_));
                plan.jobs.push(Submission {
                    number: entry.number,
                    beside: checked.order.subtitles_name(&out.text),
                    out: out.text.clone(),
                    content: checked.content,
                    warm: checked.warm,
                    order: serde_json::to_string(&checked.order)?,
                });
            }
            _ => {
                let why: Vec<String> = problems.iter().map(Problem::to_string).collect();
                let line = entry.place.map_or(1, |p| p.line);
                let name = entry.out.as_ref().map(|o| o.text.clone());
                let name = name.unwrap_or_else(|| format!("line {line}"));
                plan.bad.push((name, why.join("; ")));
            }
        }
        plan.problems.append(&mut problems);
    }
    if plan.speaks
        && let Some(error) = checker.no_voices()
    {
        let text = format!("voices cannot be checked: {error}");
        plan.problems
            .push(Problem::warning(Place::START, None, text));
    }
    Ok(plan)
}

/// Leaves the one entry that is `wanted`, by its number or its clip's name.
fn only(manifest: &mut Manifest, wanted: &str) -> anyhow::Result<()> {
    let out = |e: &Entry| e.out.as_ref().map(|out| out.text.clone());
    let names: Vec<String> = manifest.entries.iter().filter_map(out).collect();
    let all = manifest.entries.len();
    manifest
        .entries
        .retain(|e| out(e).is_some_and(|o| o == wanted) || e.number.to_string() == wanted);
    if manifest.entries.is_empty() && all > 0 {
        let near = nearest(wanted, names.iter().map(String::as_str));
        let hint = near.first().map(|n| format!("; did you mean `{n}`?"));
        bail!(
            "`--only {wanted}`: there is no such clip; name one of its {}, or write its number{}",
            count(all, "clip"),
            hint.unwrap_or_default()
        );
    }
    Ok(())
}

/// Finds clips whose place is taken by a file that is not this batch's.
fn conflicts(args: &Batch, places: &Places, plan: &mut Plan) -> anyhow::Result<()> {
    if args.force {
        return Ok(());
    }
    let name = places.manifest.display().to_string();
    let found = if SqliteQueue::exists(&places.state) {
        SqliteQueue::open(&places.state, &places.output, &name)?.conflicts(&plan.jobs)?
    } else {
        let taken = plan.jobs.iter().filter_map(|job| {
            let mut files = std::iter::once(&job.out).chain(&job.beside);
            let file = files.find(|name| places.output.join(name).exists())?;
            Some((job.out.clone(), Conflict::File(file.clone())))
        });
        taken.collect()
    };
    let mut reasons: HashMap<String, String> = HashMap::new();
    for (out, conflict) in found {
        let why = match conflict {
            Conflict::File(name) => format!(
                "{} was not made by this batch, or was changed since: move it away, or add \
                 --force to replace it",
                places.output.join(name).display()
            ),
            Conflict::Manifest(other) => format!(
                "`{out}` is another clip in {other}, which has the same output folder: choose \
                 another name or --output, or add --force to take it over"
            ),
        };
        reasons.insert(out, why);
    }
    if !report::is_ours(&places.output) {
        bail!(
            "{} is not a report of a batch: move it away, or add --force to replace it",
            places.output.join(report::FILE).display()
        );
    }
    plan.jobs.retain(|job| match reasons.remove(&job.out) {
        None => true,
        Some(why) => {
            plan.bad.push((job.out.clone(), why.clone()));
            plan.problems
                .push(Problem::error(Place::START, Some("out"), why));
            false
        }
    });
    Ok(())
}

fn tell_problems(args: &Batch, manifest: &Path, problems: &[Problem]) -> anyhow::Result<()> {
    for problem in problems {
        if args.json {
            show::json(&serde_json::json!({
                "event": "problem",
                "line": problem.place.line,
                "column": problem.place.column,
                "field": problem.field,
                "text": problem.text,
                "warning": problem.warning,
            }))?;
        } else if args.check {
            output::line(&format!("{}, {problem}", manifest.display()))?;
        } else {
            output::note(&format!("{}, {problem}", manifest.display()));
        }
    }
    Ok(())
}

fn render(args: &Batch, places: &Places, plan: &Plan, quiet: bool) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&places.output)
        .with_context(|| format!("{} cannot be made", places.output.display()))?;
    let name = places.manifest.display().to_string();
    let only = plan.jobs.first().filter(|_| args.only.is_some());
    let only = only.map(|job| job.out.as_str());
    let mut queue = SqliteQueue::open(&places.state, &places.output, &name)?.only(only);
    queue.recover()?;
    let tally = queue.submit(&plan.jobs)?;
    let mut show = Show::new(args.json, quiet, plan.jobs.len(), tally.done);
    let worked = crew::work(usize::from(args.jobs), places, only, &mut queue, &mut show);
    show.clear();

    let rows = queue.rows()?;
    let report = Report::new(places, &rows, &plan.bad, show.took());
    // A page of one clip would take the place of that of all.
    let html = match only {
        Some(_) => Ok(None),
        None => report.write(&places.output).map(Some),
    };
    worked?;
    let html = html?;
    let failed = report.count(State::Failed);
    if args.json {
        show::json(&report.summary(html.as_deref()))?;
    } else {
        for line in report.table() {
            output::line(&line)?;
        }
        if let Some(html) = html {
            output::line(&html.display().to_string())?;
        }
    }
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(failure::SOME_FAILED),
    })
}
