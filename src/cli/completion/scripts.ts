// What makes a shell ask ingle how a line may go on. Each asks `ingle complete` with the words up to the cursor, and gets a line for each candidate:
// the word, a tab, what it means. Without a candidate, the shell offers files. The words go there as they are: none is evaluated.

/** The script of each shell, for the command `ingle` and the words with which ingle is called. */
export const SCRIPTS: Record<string, (call: string) => string> = {
  bash: (call) => `# Completion of ingle for bash. In ~/.bashrc: source <(${call} completion bash)
_ingle() {
  local line="\${COMP_LINE:0:COMP_POINT}" current="\${COMP_WORDS[COMP_CWORD]}" candidate
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local word="\${words[\${#words[@]}-1]}"
  # bash completes what is behind the last "=" or ":" of a word.
  [[ "$current" == [=:] ]] && current=""
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    COMPREPLY+=("\${candidate#"\${word%"$current"}"}")
  done < <(${call} complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _ingle ingle`,

  zsh: (call) => `#compdef ingle
# Completion of ingle for zsh. In ~/.zshrc, behind compinit: source <(${call} completion zsh)
_ingle() {
  local line
  local -a candidates
  for line in "\${(@f)$(${call} complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#candidates} )); then _describe -V ingle candidates; else _files; fi
}
compdef _ingle ingle`,

  fish: (call) => `# Completion of ingle for fish: ${call} completion fish > ~/.config/fish/completions/ingle.fish
function __ingle_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l candidates (${call} complete -- $words[2..-1] 2>/dev/null)
  if test (count $candidates) -gt 0
    printf '%s\\n' $candidates
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c ingle -f -a '(__ingle_complete)'`,

  powershell: (
    call,
  ) => `# Completion of ingle for PowerShell. In $PROFILE: ${call} completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName ingle -ScriptBlock {
  param($word, $line, $position)
  $words = @($line.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  # Windows PowerShell leaves out words that are empty.
  if ($word -eq '') { $words += ' ' }
  ${call} complete -- @words 2>$null | ForEach-Object {
    $candidate, $meaning = $_ -split "\`t", 2
    if (-not $meaning) { $meaning = $candidate }
    [System.Management.Automation.CompletionResult]::new($candidate, $candidate, 'ParameterValue', $meaning)
  }
}`,
};

export const SHELLS = Object.keys(SCRIPTS);
