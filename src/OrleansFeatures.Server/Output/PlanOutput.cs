using System.Text.Json.Nodes;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Output;

/// <summary>Shows a plan: what would change and whether today's readers would notice, or what is wrong with the definitions.</summary>
internal static class PlanOutput
{
    public static void Print(Terminal terminal, PlanResponse plan)
    {
        if (plan.Errors.Count > 0)
        {
            foreach (DefinitionError error in plan.Errors)
            {
                Terminal.Remark(Describe(error));
            }

            return;
        }

        if (plan.Changes.Count == 0)
        {
            terminal.Write("no changes: these definitions are live");
            return;
        }

        Table changes = Terminal.NewTable("change", "what", "detail", "verdict", "fix");
        foreach (Change change in plan.Changes)
        {
            changes.AddRow(
                Terminal.Cell(Name(change.Kind)), Terminal.Cell(change.What), Terminal.Cell(change.Detail),
                Terminal.Cell(Name(change.Verdict), StyleOf(change.Verdict)), Terminal.Cell(change.Fix));
        }

        terminal.Write(changes);
        terminal.Write($"verdict: {Name(plan.Verdict)}");
    }

    public static JsonObject Document(PlanResponse plan) => new()
    {
        ["verdict"] = plan.Errors.Count > 0 ? null : Name(plan.Verdict),
        ["base_hash"] = plan.BaseHash,
        ["hash"] = plan.Hash,
        ["changes"] = new JsonArray(plan.Changes.Select(JsonNode (change) => new JsonObject
        {
            ["kind"] = Name(change.Kind),
            ["what"] = change.What,
            ["detail"] = change.Detail,
            ["verdict"] = Name(change.Verdict),
            ["fix"] = change.Fix,
        }).ToArray()),
        ["errors"] = new JsonArray(plan.Errors.Select(JsonNode (error) => new JsonObject
        {
            ["file"] = error.File,
            ["line"] = error.Line,
            ["column"] = error.Column,
            ["message"] = error.Message,
            ["suggestion"] = error.Suggestion,
        }).ToArray()),
    };

    private static string Describe(DefinitionError error)
    {
        string suggestion = error.Suggestion.Length > 0 ? $"; {error.Suggestion}" : "";
        return $"{error.File}:{error.Line}:{error.Column}: {error.Message}{suggestion}";
    }

    private static string Name(Change.Types.Kind kind) => kind switch
    {
        Change.Types.Kind.Added => "added",
        Change.Types.Kind.Changed => "changed",
        _ => "removed",
    };

    private static string Name(Compatibility verdict) => verdict switch
    {
        Compatibility.Identical => "identical",
        Compatibility.Compatible => "compatible",
        _ => "breaking",
    };

    private static Style? StyleOf(Compatibility verdict) => verdict == Compatibility.Breaking ? new Style(Color.Red) : null;
}
