using System.CommandLine;

namespace OrleansFeatures.Server.Commands;

/// <summary>Every command of <c>orleans-features</c>.</summary>
internal static class RootCommands
{
    public static RootCommand Create() =>
        new("A streaming feature store: events in, exact rolling features out.")
        {
            ServeCommand.Create(),
            DemoCommand.Create(),
            PlanCommand.Create(),
            ApplyCommand.Create(),
            PushCommand.Create(),
            GetCommand.Create(),
            ExplainCommand.Create(),
            WatchCommand.Create(),
            TrainingCommand.Create(),
            BenchCommand.Create(),
            QuarantineCommand.Create(),
            LateCommand.Create(),
            AmendmentsCommand.Create(),
            StatusCommand.Create(),
            InspectCommand.Create(),
            ReconcileCommand.Create(),
            CheckpointCommand.Create(),
            ReplayCommand.Create(),
            LogCommand.Create(),
            StateCommand.Create(),
        };
}
