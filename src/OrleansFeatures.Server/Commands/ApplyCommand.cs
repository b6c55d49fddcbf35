using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>apply</c>: makes definitions live.</summary>
internal static class ApplyCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Definitions = CommandOptions.Required("--definitions", "PATH", "A directory of *.yaml files, or one file.");
    private static readonly Option<bool> AllowBreaking = new("--allow-breaking") { Description = "Apply although readers of today's features would notice." };

    public static Command Create() => CommandOptions.Command(
        "apply",
        "Make definitions live. New features are brought up to date from history.",
        ["apply --definitions definitions/fraud", "apply --definitions definitions/fraud --allow-breaking"],
        [Server, Definitions, AllowBreaking],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        bool allowBreaking = parsed.GetValue(AllowBreaking);
        DefinitionFile[] files = DefinitionFiles.Load(parsed.GetValue(Definitions)!);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        PlanResponse plan = await PlanCommand.PlanAsync(connection, files, cancellationToken).ConfigureAwait(false);
        CommandFailure? refusal = PlanCommand.Refusal(plan, allowBreaking);
        ApplyResponse? applied = refusal is null
            ? await ApplyAsync(connection, files, plan, allowBreaking, cancellationToken).ConfigureAwait(false)
            : null;
        Print(terminal, plan, applied);
        return refusal is null ? ExitCode.Ok : throw refusal;
    }

    /// <summary>Tied to the plan that was shown: when someone else applied in between, the server refuses.</summary>
    private static Task<ApplyResponse> ApplyAsync(ServerConnection connection, DefinitionFile[] files, PlanResponse plan, bool allowBreaking, CancellationToken cancellationToken)
    {
        var request = new ApplyRequest { Files = { files }, BaseHash = plan.BaseHash, AllowBreaking = allowBreaking };
        return connection.CallAsync(options => connection.Registry.ApplyAsync(request, options), cancellationToken, Limits.ApplyTimeoutSeconds);
    }

    private static void Print(Terminal terminal, PlanResponse plan, ApplyResponse? applied)
    {
        if (terminal.Json)
        {
            JsonObject document = PlanOutput.Document(plan);
            document["applied"] = applied is not null;
            document["records_replayed"] = applied?.RecordsReplayed;
            terminal.Write(document);
            return;
        }

        PlanOutput.Print(terminal, plan);
        if (applied is not null)
        {
            terminal.Write($"applied; {applied.RecordsReplayed.ToString("N0", CultureInfo.InvariantCulture)} records of history read");
        }
    }
}
