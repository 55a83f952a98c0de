//! Running other programs: output to a log, a time limit, and an error that shows what they said.
//!
//! A step that passes prints one line; what its tools wrote is in `target/xtask/<step>.log`, and
//! the end of it is shown when one fails. Nothing is retried and nothing is guessed.
//!
//! Invariant: no command waits for input or runs longer than [`LIMIT`].

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::workspace::Workspace;

/// The longest that one command may take: a cold release build needs a few minutes.
const LIMIT: Duration = Duration::from_secs(25 * 60);

/// How many lines of a failed command's output are shown.
const TAIL: usize = 60;

/// Runs commands of one step and keeps their output.
pub(crate) struct Shell<'a> {
    /// Where the commands run.
    pub(crate) workspace: &'a Workspace,
    /// Whether the cheaper form of a check was asked for.
    pub(crate) quick: bool,
    /// Whether libraries are built as they are shipped. Without optimisation they check themselves, for
    /// overflow above all, and are built in a fraction of the time.
    pub(crate) as_shipped: bool,
    log: PathBuf,
}

impl<'a> Shell<'a> {
    /// Begins the log of the step `name` anew.
    pub(crate) fn new(workspace: &'a Workspace, name: &str) -> Result<Self> {
        let folder = workspace.root.join("target/xtask");
        let log = folder.join(format!("{name}.log"));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&log, b""))
            .map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        Ok(Self { workspace, quick: false, as_shipped: false, log })
    }

    /// The arguments that make cargo build as [`Shell::as_shipped`] says.
    pub(crate) fn profile(&self) -> &'static [&'static str] {
        if self.as_shipped { &["--release"] } else { &[] }
    }

    /// A command in the root of the checkout; see [`Workspace::command`].
    pub(crate) fn command(&self, program: &str) -> Command {
        self.workspace.command(program)
    }

    /// Runs to the end and gives all output, standard output and errors as they came.
    pub(crate) fn run(&self, command: &mut Command) -> Result<String> {
        let (ok, output) = self.capture(command)?;
        if ok { Ok(output) } else { Err(failure(command, &output)) }
    }

    /// Like [`Shell::run`], but a failure is not an error: whether it succeeded, and the output.
    pub(crate) fn capture(&self, command: &mut Command) -> Result<(bool, String)> {
        let mut log = self.open_log()?;
        let errors = log.try_clone().map_err(|error| self.log_error(&error))?;
        writeln!(log, "$ {}", line(command)).map_err(|error| self.log_error(&error))?;
        let before = fs::metadata(&self.log).map(|meta| meta.len()).unwrap_or_default();
        let status = wait(command, Stdio::from(log), Stdio::from(errors))?;
        Ok((status.success(), self.logged_since(before)?))
    }

    /// Runs to the end and gives standard output alone; errors go to the log.
    pub(crate) fn output(&self, command: &mut Command) -> Result<String> {
        let mut log = self.open_log()?;
        writeln!(log, "$ {}", line(command)).map_err(|error| self.log_error(&error))?;
        let before = fs::metadata(&self.log).map(|meta| meta.len()).unwrap_or_default();
        let path = self.log.with_extension("out");
        let file = File::create(&path).map_err(|error| self.log_error(&error))?;
        let status = wait(command, Stdio::from(file), Stdio::from(log))?;
        let bytes = fs::read(&path).map_err(|error| self.log_error(&error))?;
        let output = String::from_utf8_lossy(&bytes).into_owned();
        if status.success() {
            return Ok(output);
        }
        Err(failure(command, &format!("{output}\n{}", self.logged_since(before)?)))
    }

    /// What was written to the log after it had this length.
    fn logged_since(&self, length: u64) -> Result<String> {
        let bytes = fs::read(&self.log).map_err(|error| self.log_error(&error))?;
        let new = bytes.get(usize::try_from(length).unwrap_or(0)..).unwrap_or_default();
        Ok(String::from_utf8_lossy(new).into_owned())
    }

    fn open_log(&self) -> Result<File> {
        OpenOptions::new().append(true).open(&self.log).map_err(|error| self.log_error(&error))
    }

    fn log_error(&self, error: &std::io::Error) -> String {
        format!("cannot use {}: {error}", self.log.display())
    }
}

/// Whether `program` can be started and says yes.
pub(crate) fn succeeds(workspace: &Workspace, program: &str, arguments: &[&str]) -> bool {
    workspace
        .command(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn wait(command: &mut Command, out: Stdio, errors: Stdio) -> Result<ExitStatus> {
    let mut child = command
        .stdout(out)
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    wait_for(&mut child).map_err(|error| format!("{}\n{error}", line(command)))
}

fn wait_for(child: &mut Child) -> Result<ExitStatus> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() < LIMIT => thread::sleep(Duration::from_millis(10)),
            Ok(None) => {
                let ended = child.kill().and_then(|()| child.wait());
                return Err(match ended {
                    Ok(_) => format!("ended after {} minutes", LIMIT.as_secs() / 60),
                    Err(error) => format!("runs too long and cannot be ended: {error}"),
                });
            }
            Err(error) => return Err(format!("cannot wait: {error}")),
        }
    }
}

/// The command as one line; a script among the arguments is left out.
fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args().map(|argument| argument.to_string_lossy()) {
        line.push(' ');
        line.push_str(if argument.contains('\n') { "(script)" } else { &argument });
    }
    line
}

fn failure(command: &Command, output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let tail = &lines[lines.len().saturating_sub(TAIL)..];
    format!("failed: {}\n{}", line(command), tail.join("\n"))
}
