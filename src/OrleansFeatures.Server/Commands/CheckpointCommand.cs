using System.CommandLine;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>checkpoint</c>: takes one now.</summary>
internal static class CheckpointCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();

    public static Command Create() => CommandOptions.Command(
        "checkpoint",
        "Take a checkpoint now: a restart then replays nothing that came before. Events and reads go on.",
        ["checkpoint", "checkpoint --output json"],
        [Server],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        Task<CheckpointStatus> work = connection.CallAsync(options => connection.Admin.CheckpointAsync(new CheckpointRequest(), options), cancellationToken, Limits.CheckpointTimeoutSeconds);
        await ProgressDisplay.FollowAsync(terminal, work, () => new ProgressSample("saving what has changed", null)).ConfigureAwait(false);
        CheckpointStatus checkpoint = await work.ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(CheckpointOutput.Document(checkpoint));
        }
        else
        {
            CheckpointOutput.Print(terminal, checkpoint);
        }

        return ExitCode.Ok;
    }
}
