global using OrleansFeatures.Conformance;
global using Shouldly;
global using Xunit;
