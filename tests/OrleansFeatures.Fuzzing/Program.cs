using OrleansFeatures.Fuzzing;
using OrleansFeatures.Fuzzing.Engine;

// Two programs in one: the fuzzing command, and the test runner that the build expects of a test project.
return FuzzCommand.IsMeant(args) ? FuzzCommand.Run(args) : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
