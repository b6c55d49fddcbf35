using System.CommandLine;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>plan</c>: what applying these definitions would change. Changes nothing.</summary>
internal static class PlanCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Definitions = CommandOptions.Required("--definitions", "PATH", "A directory of *.yaml files, or one file.");

    public static Command Create() => CommandOptions.Command(
        "plan",
        "Show what definitions would change, and whether their readers would notice.",
        ["plan --definitions definitions/fraud", "plan --definitions definitions/fraud --output json"],
        [Server, Definitions],
        RunAsync);

    /// <summary>Shared with <c>apply</c>, which shows the same before it acts.</summary>
    public static Task<PlanResponse> PlanAsync(ServerConnection connection, DefinitionFile[] files, CancellationToken cancellationToken)
    {
        var request = new PlanRequest { Files = { files } };
        return connection.CallAsync(options => connection.Registry.PlanAsync(request, options), cancellationToken);
    }

    public static CommandFailure? Refusal(PlanResponse plan, bool allowBreaking)
    {
        if (plan.Errors.Count > 0)
        {
            return CommandFailure.Refused($"{plan.Errors.Count} {(plan.Errors.Count == 1 ? "error" : "errors")} in the definitions; nothing was changed");
        }

        return plan.Verdict == Compatibility.Breaking && !allowBreaking
            ? CommandFailure.Refused("the change is breaking: features that someone reads would change or vanish; raise the version, or apply with --allow-breaking")
            : null;
    }

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        DefinitionFile[] files = DefinitionFiles.Load(parsed.GetValue(Definitions)!);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        PlanResponse plan = await PlanAsync(connection, files, cancellationToken).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(PlanOutput.Document(plan));
        }
        else
        {
            PlanOutput.Print(terminal, plan);
        }

        return Refusal(plan, allowBreaking: false) is { } refusal ? throw refusal : ExitCode.Ok;
    }
}
