//! The quick starts of `README.md` as programs: what a reader copies is what the tests run.
//!
//! The step of each language compiles the block under its heading in its own way. All of them make
//! `acme.crm` in the folder where they are started, and print something.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::shell::Shell;

const README: &str = "README.md";

/// The code of the quick start under the heading `language`.
pub(crate) fn quick_start(shell: &Shell, language: &str) -> Result<String> {
    let text = std::fs::read_to_string(shell.workspace.root.join(README))
        .map_err(|error| format!("{README}: {error}"))?;
    block(&text, language)
        .ok_or_else(|| format!("{README} has no block of code under \"### {language}\""))
}

/// Runs a quick start in `folder`, which is empty before.
pub(crate) fn run(shell: &Shell, command: &mut Command, folder: &Path) -> Result<()> {
    let printed = shell.output(command.current_dir(folder))?;
    if printed.trim().is_empty() {
        return Err("the quick start printed nothing".into());
    }
    if !folder.join("acme.crm").exists() {
        return Err("the quick start made no acme.crm".into());
    }
    Ok(())
}

/// The first fenced block between the heading and the next one.
fn block(text: &str, heading: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| line.strip_prefix("### ") != Some(heading));
    lines.next()?;
    let mut section =
        lines.take_while(|line| !line.starts_with("## ") && !line.starts_with("### "));
    section.find(|line| line.starts_with("```"))?;
    let code: Vec<&str> = section.take_while(|line| *line != "```").collect();
    Some(code.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# crm\n\n### C\n\n```c\nint a;\n\nint b;\n```\n\n`cc main.c`\n\n### Go\n\n\
        None.\n\n### Zig\n\n```zig\nvar c;\n```\n";

    #[test]
    fn a_block_is_found_by_its_heading() {
        assert_eq!(block(TEXT, "C").unwrap(), "int a;\n\nint b;\n");
        assert_eq!(block(TEXT, "Zig").unwrap(), "var c;\n");
    }

    #[test]
    fn a_heading_without_a_block_does_not_take_the_next_one() {
        assert_eq!(block(TEXT, "Go"), None);
        assert_eq!(block(TEXT, "Ada"), None);
    }
}
