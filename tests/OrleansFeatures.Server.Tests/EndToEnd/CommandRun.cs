using System.Diagnostics;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>What one run of the built program printed and how it ended.</summary>
internal sealed record CommandRun(int ExitCode, string Out, string Error)
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromMinutes(2);

    public static async Task<CommandRun> RunAsync(string[] arguments, byte[]? input = null)
    {
        using Process process = Start(arguments, redirectInput: input is not null);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            await process.StandardInput.BaseStream.WriteAsync(input);
            process.StandardInput.Close();
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
