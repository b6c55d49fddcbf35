using System.Diagnostics;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>What one run of the built program printed and how it ended.</summary>
internal sealed record CommandRun(int ExitCode, string Out, string Error)
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromMinutes(2);

    public static Task<CommandRun> RunAsync(string[] arguments, byte[]? input = null) =>
        RunAsync(arguments, input is null ? null : async standardInput => await standardInput.WriteAsync(input));

    /// <param name="arguments">The command line.</param>
    /// <param name="feed">Writes to the program's standard input while it runs; the input ends when it completes.</param>
    public static async Task<CommandRun> RunAsync(string[] arguments, Func<Stream, Task>? feed)
    {
        using Process process = Start(arguments, redirectInput: feed is not null);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (feed is not null)
        {
            await FeedAsync(process, feed);
        }

        using var limit = new CancellationTokenSource(TimeLimit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"orleans-features {string.Join(' ', arguments)} did not end within {TimeLimit}");
        }

        return new CommandRun(process.ExitCode, await output, await error);
    }

    private static async Task FeedAsync(Process process, Func<Stream, Task> feed)
    {
        try
        {
            await feed(process.StandardInput.BaseStream);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program has ended and reads no more; how it ended is what the caller looks at.
        }
    }

    /// <summary>Starts the program that lies beside the tests.</summary>
    public static Process Start(string[] arguments, bool redirectInput = false)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = redirectInput,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "orleans-features.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }
}
