"""What people's judgements say of a model: their searches are asked again, under it and under the champion."""
