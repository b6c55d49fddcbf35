using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace OrleansFeatures.Server.Commands;

/// <summary>A command that knows how it is used.</summary>
internal sealed class DocumentedCommand(string name, string description, string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples => examples;
}

/// <summary>The library's help, with the command's examples and the exit codes below it.</summary>
internal sealed class HelpWithExamples(string program, HelpAction usual) : SynchronousCommandLineAction
{
    public override bool Terminating => true;

    public override int Invoke(ParseResult parseResult)
    {
        int code = usual.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is DocumentedCommand { Examples.Count: > 0 } command)
        {
            output.WriteLine("Examples:");
            foreach (string example in command.Examples)
            {
                output.WriteLine($"  {program} {example}");
            }

            output.WriteLine();
        }

        output.WriteLine("Exit codes: 0 done, 1 refused, 2 wrong usage, 3 server unreachable.");
        return code;
    }
}
