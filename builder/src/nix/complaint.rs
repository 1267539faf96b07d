//! What can be done about what Nix complains of.

/// Options that only devenv's own modules have, by the first part of their names.
const OF_DEVENV: [&str; 14] = [
    "android",
    "certificates",
    "claude",
    "delta",
    "devcontainer",
    "difftastic",
    "dotenv",
    "git-hooks",
    "hosts",
    "languages",
    "outputs",
    "pre-commit",
    "services",
    "starship",
];

/// The way out of a failure, from what Nix said on the way into it.
pub fn hint(said: &[String]) -> String {
    match said.iter().find_map(|line| unknown_option(line)) {
        Some(option) => format!(
            "`{option}` is one of the options of devenv's own modules, which are there with \
             `inputs: {{ devenv: {{ url: \"github:cachix/devenv?dir=src/modules\" }} }}` in devenv.yaml"
        ),
        None => "the reason is in the lines of Nix above".to_owned(),
    }
}

/// The option of devenv that a line of the module system says does not exist.
fn unknown_option(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("The option `")?;
    let (option, _) = rest.split_once("' does not exist")?;
    let first = option.split('.').next()?;
    OF_DEVENV.contains(&first).then_some(option)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_for(line: &str) -> String {
        hint(&["error:".to_owned(), line.to_owned()])
    }

    #[test]
    fn an_option_of_devenv_leads_to_its_modules() {
        let said = hint_for(
            "       error: The option `languages.python' does not exist. Definition values:",
        );
        assert!(
            said.starts_with("`languages.python` is one") && said.contains("inputs: {"),
            "{said}"
        );
    }

    #[test]
    fn any_other_complaint_speaks_for_itself() {
        for line in ["error: The option `procesess' does not exist.", "error: syntax error", ""] {
            assert_eq!(hint_for(line), "the reason is in the lines of Nix above", "{line}");
        }
    }
}
