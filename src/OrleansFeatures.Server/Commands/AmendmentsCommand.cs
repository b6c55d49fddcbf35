using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>amendments</c>: what late and corrected events have changed of answers that were given under a prediction id.</summary>
internal static class AmendmentsCommand
{
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(Limits.DefaultRetrySeconds);

    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Prefix = new("--prefix") { Description = "Only predictions whose id begins so.", HelpName = "TEXT", DefaultValueFactory = _ => "" };
    private static readonly Option<ulong> From = new("--from") { Description = "Behind the amendment of this number; without it, from the oldest that is kept.", HelpName = "NUMBER" };
    private static readonly Option<bool> Follow = new("--follow") { Description = "Go on with new ones as they come, until Ctrl-C." };

    public static Command Create() => CommandOptions.Command(
        "amendments",
        "Show what late and corrected events have changed of answers that were given under a prediction id, from what to what. With --output json a line for each amendment.",
        ["amendments", "amendments --follow --prefix order-", "amendments --from 1200 --output json"],
        [Server, Prefix, From, Follow],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        var request = new SubscribeAmendmentsRequest { PredictionIdPrefix = parsed.GetValue(Prefix)!, ResumeAfter = parsed.GetValue(From) };
        bool follows = parsed.GetValue(Follow);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        var kept = new List<Amendment>();
        try
        {
            await ReadAsync(connection, request, follows, amendment => Take(terminal, follows, kept, amendment), cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Ctrl-C is how following ends.
        }

        if (!follows && !terminal.Json)
        {
            terminal.Write(AmendmentOutput.TableOf(kept));
            terminal.Write(string.Create(CultureInfo.InvariantCulture, $"{kept.Count:N0} amendments"));
        }

        return ExitCode.Ok;
    }

    /// <summary>Outlives its connection while it follows: it asks again behind the last amendment taken, so that none is missed.</summary>
    private static async Task ReadAsync(ServerConnection connection, SubscribeAmendmentsRequest request, bool follows, Action<Amendment> take, CancellationToken cancellationToken)
    {
        long heard = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using AsyncServerStreamingCall<SubscribeAmendmentsResponse> call = connection.Features.SubscribeAmendments(request, cancellationToken: cancellationToken);
                while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
                {
                    SubscribeAmendmentsResponse message = call.ResponseStream.Current;
                    bool isNewest = message.Amendments.Count == 0 && message.Through == request.ResumeAfter;
                    foreach (Amendment amendment in message.Amendments)
                    {
                        take(amendment);
                    }

                    request.ResumeAfter = message.Through;
                    heard = Stopwatch.GetTimestamp();
                    if (isNewest && !follows)
                    {
                        return;
                    }
                }
            }
            catch (RpcException) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellationToken);
            }
            catch (RpcException lost) when (follows && ServerConnection.IsLost(lost) && Stopwatch.GetElapsedTime(heard) < RetryFor)
            {
                Terminal.Remark($"orleans-features: the store is away ({lost.Status.Detail}); asking again, nothing will be missed");
            }
            catch (RpcException refused)
            {
                throw connection.Failure(refused);
            }

            await Task.Delay(Limits.RetryPauseMs, cancellationToken).ConfigureAwait(false);
        }
    }

    private static void Take(Terminal terminal, bool follows, List<Amendment> kept, Amendment amendment)
    {
        if (terminal.Json)
        {
            terminal.Write(AmendmentOutput.JsonOf(amendment).ToJsonString());
        }
        else if (follows)
        {
            foreach (string line in AmendmentOutput.LinesOf(amendment))
            {
                terminal.Write(line);
            }
        }
        else
        {
            kept.Add(amendment);
        }
    }
}
